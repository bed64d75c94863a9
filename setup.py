# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Metadata and dependencies; settings of tools are in pyproject.toml."""

import pathlib
import runpy

import setuptools

_ROOT = pathlib.Path(__file__).parent
_VERSION = runpy.run_path(_ROOT / 'bit_covid/base/version.py')['VERSION']
_PROJECT = runpy.run_path(_ROOT / 'bit_covid/base/project.py')
_REPOSITORY = _PROJECT['REPOSITORY']
_OLDEST, _NEWEST = _PROJECT['OLDEST_PYTHON'], _PROJECT['NEWEST_PYTHON']
_MINORS = range(_OLDEST[1], _NEWEST[1] + 1)
_DICOM = ['highdicom>=0.28.2']
_MLFLOW = ['mlflow-skinny>=3.5']
_ARCHIVE = ['cryptography>=46', 'distributed>=2026.7', 'pyarrow>=20']
_APP = ['starlette>=1.0', 'uvicorn>=0.40']

setuptools.setup(
  name='bit_covid',
  version=_VERSION,
  description='COVID-19 detection in chest CT with Big Transfer, in JAX',
  long_description=(_ROOT / 'README.md').read_text(),
  long_description_content_type='text/markdown',
  author='The bit_covid Authors',
  project_urls={'Repository': _REPOSITORY} if _REPOSITORY else {},
  license_expression='Apache-2.0',
  license_files=['LICENSE'],
  keywords=[
    'Big Transfer',
    'chest CT',
    'COVID-19',
    'deep learning',
    'Flax',
    'Grad-CAM',
    'JAX',
    'medical imaging',
    'transfer learning',
  ],
  python_requires=f'>=3.{_MINORS[0]},<3.{_MINORS[-1] + 1}',
  # `configs` is installed inside of `bit_covid`: a package `configs` beside it
  # would be in the way of other projects. `base.config_files` finds it.
  packages=[
    *setuptools.find_packages(
      include=['bit_covid', 'bit_covid.*', 'input_pipeline', 'input_pipeline.*']
    ),
    'bit_covid.configs',
  ],
  package_dir={'bit_covid.configs': 'configs'},
  package_data={
    # What tfds reads beside a builder.
    '': ['README.md', 'TAGS.txt', 'CITATIONS.bib', 'py.typed'],
    'bit_covid.audit': ['templates/*'],
    'bit_covid.card': ['checklists/*', 'templates/*'],
    'bit_covid.export': ['templates/*'],
    'bit_covid.base': ['templates/*'],
    'bit_covid.report': ['templates/*'],
    'bit_covid.scoring': ['templates/*'],
    'bit_covid.app': ['static/*', 'templates/*'],
    'bit_covid.weights': ['*.npz'],
  },
  entry_points={
    'console_scripts': ['bit-covid = bit_covid.cli.command_line:run']
  },
  install_requires=[
    'absl-py>=2.1',
    'array_record>=0.8; sys_platform != "win32"',
    'etils[epath]>=1.14',
    'filelock>=3.20',
    'flax>=0.12.8',
    # tfds needs it for a builder in a package and does not say so.
    'importlib_resources>=6',
    'isal>=1.7',
    'jax>=0.10',
    'jinja2>=3.1',
    'matplotlib>=3.10',
    'ml-collections>=1.1',
    'nibabel>=5.3',
    'numpy>=2.0',
    'opencv-python-headless>=4.10.0.84',
    'optax>=0.2.8',
    # 1.0 moves its new interface to the names of the one that is used here.
    'orbax-checkpoint>=0.12,<1',
    'pandas>=3.1',
    'pillow>=11',
    'platformdirs>=4',
    'pydicom>=3.0',
    # Unpacks JPEG, JPEG-LS and JPEG 2000 for pydicom, under Apache-2.0. With
    # nibabel and pydicom here and not in an extra: 70 MB beside TensorFlow's
    # 1.5 GB, and who has DICOM files need not know that they are packed.
    'python-gdcm>=3.0.24',
    'pyyaml>=6.0.2',
    'requests>=2.32',
    'rich>=14',
    'scikit-learn>=1.6',
    'scipy>=1.14.1',
    'tensorboard>=2.20',
    'tensorflow>=2.20',
    'tensorflow-datasets>=4.9.10',
    'threadpoolctl>=3.5',
    'tqdm>=4.66',
  ],
  extras_require={
    'cuda': ['jax[cuda]'],
    'tpu': ['jax[tpu]'],
    # The page of bit_covid.app: 5 MB of Python, with what they need.
    'app': _APP,
    # For bit_covid.archive: processes of Dask, and Parquet.
    'archive': _ARCHIVE,
    # For --dicom of bit_covid.predict: Parametric Maps and Structured Reports.
    'dicom': _DICOM,
    # For --mlflow of a training: the client of an MLflow server.
    'mlflow': _MLFLOW,
    # Its tests, and those that run the notebooks.
    'test': [
      'axe-core-python>=0.1',  # Finds faults of accessibility in pages.
      'hypothesis>=6.130',
      'import-linter>=2.5',
      'pytest>=9',
      'pytest-timeout>=2.4',
      'pytest-xdist>=3.8',
      'ruff>=0.17',
      'setuptools>=77',  # Builds the wheel that is tested.
      *_APP,
      *_ARCHIVE,
      *_DICOM,
      *_MLFLOW,
      'ipykernel>=7',
      'nbclient>=0.11',
      'nbformat>=5.10',
    ],
    # For --format=onnx of bit_covid.export; the other formats need nothing.
    # Not jax2onnx: 0.17 excludes the orbax-checkpoint that is required above.
    'onnx': ['onnx>=1.18', 'onnxruntime>=1.22'],
    # For --engine=openvino of the commands that score slices.
    'openvino': ['onnx>=1.18', 'openvino>=2025.2'],
    # The other implementation that logits are compared with. On Linux, pip
    # takes PyTorch with CUDA unless its CPU build is installed before.
    # Without grad-cam: pip would take opencv-python over our headless one, and
    # a torchvision for PyTorch with CUDA. Its comparison runs after
    # `pip install --no-deps grad-cam ttach`.
    # SimpleITK reads the series and the maps of scans.
    'peers': ['simpleitk>=2.5', 'torch>=2.8', 'transformers>=5'],
  },
  classifiers=[
    'Development Status :: 4 - Beta',
    'Intended Audience :: Science/Research',
    'Programming Language :: Python :: 3',
    *(f'Programming Language :: Python :: 3.{x}' for x in _MINORS),
    'Topic :: Scientific/Engineering :: Artificial Intelligence',
    'Topic :: Scientific/Engineering :: Medical Science Apps.',
    'Typing :: Typed',
  ],
)
