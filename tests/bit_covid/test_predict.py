# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From DICOM files to pages, as a person does it, and what is on them."""

import io
import re
import shutil
import zipfile

import ml_collections
import numpy as np
import pandas as pd
from PIL import Image
import pytest

import bit_covid
from bit_covid import predict
from bit_covid.analysis import patients
from bit_covid.analysis import predictions
from bit_covid.scoring import montage
from bit_covid.scoring import page as page_lib
from bit_covid.scoring import score
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata
import input_pipeline
from input_pipeline import scans

NAMES = ('Normal', 'CP', 'NCP')


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory, random_params):
  path = tmp_path_factory.mktemp('run') / 'model.npz'
  bit_npz.save(
    path,
    random_params('tiny'),
    model='tiny',
    metadata=metadata.Metadata(
      class_names=NAMES,
      preprocessing={
        'box': 'annotated',
        'crop': 32,
        'antialias': False,
        'range_16bit': [0, 65_535],
      },
      window=(-600.0, 1500.0),
      temperature=2.0,
      facts={'data': 'phantom/demo'},
    ),
  )
  return path


@pytest.fixture(scope='module')
def classifier(checkpoint):
  return bit_covid.load(str(checkpoint))


@pytest.fixture(scope='module')
def study(tmp_path_factory, chest, write_dicom):
  """A folder with a series of 20 slices, a localizer and a note."""
  folder = tmp_path_factory.mktemp('Doe_Jane')
  for i in range(20):
    write_dicom(
      folder / f'Doe_Jane_{i:02d}.dcm',
      # The first two and the last one lie above and below the lungs.
      chest(64, lungs=2 <= i < 19, seed=i),
      ImagePositionPatient=[0, 0, -5 * i],
    )
  write_dicom(
    folder / 'scout.dcm', chest(64), ImageType=['DERIVED', 'X', 'LOCALIZER']
  )
  (folder / 'notes.txt').write_text('Jane Doe is well')
  return folder


@pytest.fixture(scope='module')
def output(tmp_path_factory, checkpoint, study):
  folder = tmp_path_factory.mktemp('output') / 'results'
  code = predict.main(
    [str(study), f'--checkpoint={checkpoint}', f'--output={folder}']
  )
  assert code == 0
  return folder


def _score(classifier, path, **options):
  with scans.find(path) as found:
    return score.score(classifier, found.scans[0], **options)


def test_scores_are_those_of_the_evaluation_pipeline(
  classifier, study, tmp_path
):
  result = _score(classifier, study)
  with scans.find(study) as found:
    for i, each in enumerate(found.scans[0].slices):
      path = tmp_path / 'test' / 'any' / f'{i:02d}.png'
      path.parent.mkdir(parents=True, exist_ok=True)
      Image.fromarray(each.read().gray).save(path)
  examples = input_pipeline.load_split(
    ml_collections.ConfigDict({'name': 'image_folder', 'path': str(tmp_path)}),
    'test',
  )
  config = ml_collections.ConfigDict(
    {'box': 'automatic', 'crop': 32, 'antialias': False}
  )
  (batch,) = input_pipeline.as_numpy(
    input_pipeline.evaluation_batches(examples, config, batch=20)
  )
  logits = classifier.logits(batch['image'].astype(np.float32) / 127.5 - 1) / 2
  odds = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
  expected = odds / odds.sum(axis=1, keepdims=True)
  for i, each in enumerate(result.slices):
    if 2 <= i < 19:
      np.testing.assert_allclose(each.probabilities, expected[i], atol=1e-5)
    else:
      assert each.probabilities is None
      assert 'no lungs' in each.finding
  assert result.num_used == 17
  for method in patients.METHODS:
    np.testing.assert_allclose(
      result.joined[method],
      patients.join_one(expected[2:19], method),
      atol=1e-5,
    )
  assert result.predicted == NAMES[expected[2:19].mean(axis=0).argmax()]


def test_shown_slices_come_from_all_parts(classifier, study):
  result = _score(classifier, study, num_shown=4)
  assert len(result.shown) == 4
  # 17 slices that count, from the third on, in parts of 5, 4, 4, 4.
  for shown, first, last in zip(
    result.shown, (3, 8, 12, 16), (7, 11, 15, 19), strict=True
  ):
    assert first <= shown.number <= last
    assert shown.heat.shape == shown.gray.shape
  assert score.choose(np.array([1, 5, 2, 9.0]), 2) == [1, 3]
  assert score.choose(np.array([1.0]), 5) == [0]


def test_flagged_slices_can_be_scored_and_still_do_not_count(classifier, study):
  plain = _score(classifier, study, num_shown=0)
  all_of_them = _score(classifier, study, num_shown=0, score_flagged=True)
  assert all(x.probabilities is not None for x in all_of_them.slices)
  assert all_of_them.num_used == 17
  np.testing.assert_allclose(
    all_of_them.joined['mean'], plain.joined['mean'], atol=1e-6
  )


def test_files_of_a_prediction(output):
  (page,) = set(output.glob('*.html')) - {output / 'index.html'}
  scan_id = page.stem
  assert {x.name for x in output.iterdir()} == {
    'index.html',
    f'{scan_id}.html',
    f'{scan_id}.png',
    'README.txt',
    *(f'{x}.csv' for x in ('predictions', 'scans', 'slices', 'refused')),
  }
  table = predictions.read(output / 'predictions.csv')
  assert len(table) == 20
  assert set(table['patient_id']) == {scan_id}
  assert table['p_NCP'].notna().sum() == 17
  of_scans = pd.read_csv(output / 'scans.csv')
  assert of_scans['method'].tolist() == list(patients.METHODS)
  assert (of_scans['counted'] == 17).all()
  slices = pd.read_csv(output / 'slices.csv')
  assert slices['position_mm'].tolist() == [-5.0 * i for i in range(20)]
  assert slices['finding'].notna().sum() == 3
  refused = pd.read_csv(output / 'refused.csv')
  assert sorted(refused['cause']) == ['foreign', 'other']


def test_nothing_of_the_patient_gets_into_the_results(output, study):
  for path in output.iterdir():
    content = path.read_bytes() + path.name.encode()
    # With characters that chance does not put into a picture's base64.
    for secret in (b'Doe_Jane', b'Doe^Jane', b'secret-17', b'1.2.826.'):
      assert secret not in content, path


def test_the_page_says_what_must_be_said_once(output):
  (page,) = set(output.glob('*.html')) - {output / 'index.html'}
  text = page.read_text()
  assert text.count(page_lib.DISCLAIMER) == 1
  assert text.count('trained on drawn pictures') == 1
  assert 'no lungs seen, or hardly any' in text
  assert '1-2, 20' in text
  assert not re.search(r'(src|href)="(?!data:)', text)
  assert (output / 'README.txt').read_text().startswith(page_lib.DISCLAIMER)


def test_the_index_leads_to_each_scan(
  checkpoint, study, tmp_path, chest, to_gray, capsys
):
  # A second scan, of which no slice has lungs.
  empty = tmp_path / 'Doe_Jane'
  empty.mkdir()
  for i in range(2):
    pixels = to_gray(chest(64, lungs=False, seed=i))
    Image.fromarray(pixels).save(empty / f'{i}.png')
  (tmp_path / 'broken.dcm').write_bytes(b'x')
  output = tmp_path / 'results'
  arguments = [f'--checkpoint={checkpoint}', f'--output={output}']
  assert predict.main([str(study), str(empty), *arguments]) == 0
  page = (output / 'index.html').read_text()
  linked = re.findall(r'href="(\w+)\.html"', page)
  pages = set(output.glob('*.html')) - {output / 'index.html'}
  assert set(linked) == {x.stem for x in pages}
  assert len(linked) == 2
  of_scans = pd.read_csv(output / 'scans.csv').dropna(subset=['p_NCP'])
  mean = of_scans[of_scans['method'] == 'mean'].iloc[0]
  for name in NAMES:
    assert f'<td>{100 * mean[f"p_{name}"]:.1f} %</td>' in page
  assert '17 of 20' in page
  assert '0 of 2' in page
  assert 'not scored' in page
  assert page.count('class="thumbnail"') == 1
  assert '3 slices: no lungs seen' in page
  assert page.count(page_lib.DISCLAIMER) == 1
  assert 'Doe' not in page
  assert 'index.html' in capsys.readouterr().out


def test_the_montage_shows_slices_and_maps(classifier, study):
  result = _score(classifier, study, num_shown=5)
  picture = Image.open(io.BytesIO(montage.montage(result)))
  taller = Image.open(io.BytesIO(montage.montage(result, 'a\nb')))
  assert picture.width == taller.width < taller.height
  assert picture.height < taller.height
  plain, mapped = montage.tiles(
    result.shown[0]._replace(heat=np.zeros_like(result.shown[0].heat))
  )
  np.testing.assert_array_equal(plain, mapped)


def test_cautions():
  def of(data, **others):
    defaults = {'window': (0, 1), 'temperature': 1.0}
    return page_lib.cautions({'data': data}, **(defaults | others))

  assert 'drawn pictures' in of('phantom/demo')[0]
  assert 'drawn pictures' in of('textures/m')[0]
  assert 'COVIDx CT' in of('covidx_ct/2a')[0]
  assert 'own user' in of('image_folder')[0]
  assert 'does not say which data set' in of(None)[0]
  assert 'not calibrated' in of('x', temperature=None)[1]
  assert '-1350 to 150 HU' in of('x', window=None)[1]


def test_ranges():
  assert page_lib.ranges([1, 2, 3, 7, 9, 10]) == '1-3, 7, 9-10'


def test_what_is_no_slice_gets_no_number(checkpoint, tmp_path, capsys):
  photo = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
  Image.fromarray(photo).save(tmp_path / 'Doe.png')
  code = predict.main(
    [
      str(tmp_path / 'Doe.png'),
      f'--checkpoint={checkpoint}',
      f'--output={tmp_path / "results"}',
    ]
  )
  assert code == 1
  assert 'no slice was scored' in capsys.readouterr().out
  folder = tmp_path / 'results'
  (page,) = set(folder.glob('*.html')) - {folder / 'index.html'}
  assert 'No slice was scored' in page.read_text()
  assert 'a colour image' in page.read_text()
  assert not list((tmp_path / 'results').glob('*.png'))
  table = pd.read_csv(tmp_path / 'results/scans.csv')
  assert table[['p_Normal', 'p_CP', 'p_NCP']].isna().all(axis=None)


def test_errors_are_one_line(checkpoint, tmp_path, capsys):
  arguments = [str(tmp_path / 'none'), f'--checkpoint={checkpoint}']
  assert predict.main([*arguments, f'--output={tmp_path / "x"}']) == 2
  error = capsys.readouterr().err.strip().splitlines()[-1]
  assert error.endswith('none is neither a file nor a folder.')
  assert predict.main([*arguments, f'--output={tmp_path.parent}']) == 2
  assert 'is not empty' in capsys.readouterr().err


def test_a_damaged_slice_is_named_and_the_others_scored(
  checkpoint, study, tmp_path, capsys
):
  folder = tmp_path / 'study'
  shutil.copytree(study, folder)
  broken = folder / 'Doe_Jane_05.dcm'
  broken.write_bytes(broken.read_bytes()[:-3000])
  code = predict.main(
    [str(folder), f'--checkpoint={checkpoint}', f'--output={tmp_path / "x"}']
  )
  assert code == 0
  assert str(broken) in capsys.readouterr().err
  refused = (tmp_path / 'x/refused.csv').read_text()
  assert 'the end is missing' in refused
  assert 'Doe' not in refused


def test_the_notebook_reads_dicom_and_archives(classifier, study, tmp_path):
  with pytest.warns(UserWarning, match='3 of 20|a localizer') as caught:
    table = classifier.predict(study)
  messages = sorted(str(x.message) for x in caught)
  assert messages[0].startswith('3 of 20 slices are not scored')
  assert messages[1].startswith('Left out: 1 x a localizer')
  assert table['slice_id'][2] == str(study / 'Doe_Jane_02.dcm')
  assert table['patient_id'].nunique() == 1
  assert table['p_NCP'].notna().sum() == 17
  path = tmp_path / 'a.zip'
  with zipfile.ZipFile(path, 'w') as file:
    for each in sorted(study.glob('Doe*')):
      file.write(each, each.name)
  with pytest.warns(UserWarning, match='3 of 20'):
    again = classifier.predict(path)
  np.testing.assert_array_equal(
    predictions.probabilities(again), predictions.probabilities(table)
  )
  broken = tmp_path / 'broken.dcm'
  broken.write_bytes((study / 'Doe_Jane_05.dcm').read_bytes()[:-3000])
  with pytest.raises(ValueError, match=r'broken\.dcm: .*end is missing'):
    classifier.predict(broken)


def test_a_public_checkpoint_is_no_classifier_of_scans(
  study, tmp_path, random_params, capsys
):
  path = tmp_path / 'public.npz'
  bit_npz.save(
    path,
    random_params('tiny', num_classes=60),
    model='tiny',
    metadata=metadata.unknown(60),
  )
  arguments = [f'--checkpoint={path}', f'--output={tmp_path / "x"}']
  assert predict.main([str(study), *arguments]) == 2
  assert 'was not fine-tuned' in capsys.readouterr().err


def test_real_series(checkpoint, real_data, tmp_path):
  code = predict.main(
    [
      str(real_data / 'dicom_series/cap002'),
      f'--checkpoint={checkpoint}',
      f'--output={tmp_path / "x"}',
    ]
  )
  assert code == 0
  table = pd.read_csv(tmp_path / 'x/scans.csv')
  assert (table['slices'] == 131).all()
  assert (table['counted'] == 117).all()
