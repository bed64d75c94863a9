# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `predict`: from DICOM files to tables and pages."""

import re
import shutil
import signal
import tempfile

import numpy as np
import pandas as pd
from PIL import Image
import pytest

from bit_covid import predict
from bit_covid.analysis import aggregation
from bit_covid.analysis import predictions
from bit_covid.base import host_memory
from bit_covid.base import page_templates
from bit_covid.cli import clinic_files
from bit_covid.cli import predict_scans
from bit_covid.scoring import score as score_lib
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata
from input_pipeline.scans import file_kind
from tests import browser

NAMES = ('Normal', 'CP', 'NCP')


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory, save_checkpoint):
  return save_checkpoint(
    tmp_path_factory.mktemp('run'),
    temperature=2.0,
    facts={'data': 'phantom/demo'},
  )


@pytest.fixture(scope='module')
def output(tmp_path_factory, checkpoint, study):
  folder = tmp_path_factory.mktemp('output') / 'results'
  code = predict.main(
    [str(study), f'--checkpoint={checkpoint}', f'--output={folder}']
  )
  assert code == 0
  return folder


def test_freed_memory_is_kept_before_a_scan_is_scored(
  tmp_path, checkpoint, study, monkeypatch
):
  called = []
  monkeypatch.setattr(host_memory, 'keep_freed', lambda: called.append('kept'))
  output = tmp_path / 'results'

  def run(arguments):
    called.append('scored')
    (output / 'unfinished').mkdir()

  monkeypatch.setattr(predict_scans, 'run', run)
  predict.main([str(study), f'--checkpoint={checkpoint}', f'--output={output}'])
  assert called == ['kept', 'scored']


def test_files_of_a_prediction(output):
  (page,) = set(output.glob('*.html')) - {output / 'index.html'}
  scan_id = page.stem
  assert {x.name for x in output.iterdir()} == {
    'index.html',
    f'{scan_id}.html',
    f'{scan_id}.png',
    'README.txt',
    *(
      f'{x}.csv'
      for x in ('predictions', 'scans', 'slices', 'refused', 'counts')
    ),
  }
  table = predictions.read(output / 'predictions.csv')
  assert len(table) == 20
  assert set(table['patient_id']) == {scan_id}
  assert table['p_NCP'].notna().sum() == 17
  of_scans = pd.read_csv(output / 'scans.csv')
  assert of_scans['method'].tolist() == list(aggregation.METHODS)
  assert (of_scans['counted'] == 17).all()
  slices = pd.read_csv(output / 'slices.csv')
  assert slices['position_mm'].tolist() == [-5.0 * i for i in range(20)]
  assert slices['finding'].notna().sum() == 3
  refused = pd.read_csv(output / 'refused.csv')
  assert sorted(refused['cause']) == ['foreign', 'other']
  counts = pd.read_csv(output / 'counts.csv').set_index('what')['number']
  assert counts['files given'] == 22
  assert counts['files used'] + counts['files refused'] == 22
  assert counts['files refused'] == len(refused)
  assert counts['slices'] == len(slices)
  assert counts['slices that count'] == 17
  assert counts['slices that do not count'] == 3
  text = 'Files given: 22. In scans: 20. In none: 2.'
  assert text in (output / 'index.html').read_text()


def test_nothing_of_the_patient_gets_into_the_results(output, study):
  for path in output.iterdir():
    content = path.read_bytes() + path.name.encode()
    # With characters that chance does not put into a picture's base64.
    for secret in (b'Doe_Jane', b'Doe^Jane', b'secret-17', b'1.2.826.'):
      assert secret not in content, path


def test_the_page_says_what_must_be_said_once(output):
  (page,) = set(output.glob('*.html')) - {output / 'index.html'}
  text = page.read_text()
  assert text.count(page_templates.DISCLAIMER) == 1
  assert text.count('trained on drawn pictures') == 1
  assert 'no lungs seen, or hardly any' in text
  assert '1-2, 20' in text
  assert not re.search(r'(src|href)="(?!data:)', text)
  assert (
    (output / 'README.txt').read_text().startswith(page_templates.DISCLAIMER)
  )


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
    assert f'<td>{100 * mean[f"p_{name}"]:.1f}&nbsp;%</td>' in page
  assert '17 of 20' in page
  assert '0 of 2' in page
  assert 'not scored' in page
  assert page.count('class="thumbnail"') == 1
  # Each column has a name, also for those who hear it.
  assert not re.search(r'<th[^>]*></th>', page)
  assert page.count('<td>not known</td>') == 1
  assert '3 slices: no lungs seen' in page
  assert page.count(page_templates.DISCLAIMER) == 1
  assert 'Doe' not in page
  assert 'index.html' in capsys.readouterr().out


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
  assert error.endswith('none does not exist. Give files or folders of scans.')
  assert predict.main([*arguments, f'--output={tmp_path.parent}']) == 2
  assert 'is not empty' in capsys.readouterr().err


@pytest.fixture(scope='module')
def slices(tmp_path_factory, chest, to_gray):
  """A folder with three images, each a scan of its own."""
  folder = tmp_path_factory.mktemp('slices')
  for number in range(3):
    gray = to_gray(np.roll(chest(), number, axis=0))
    Image.fromarray(gray).save(folder / f'{number}.png')
  return folder


@pytest.fixture(scope='module')
def predict_slices(checkpoint, slices):
  """Returns a function from an output folder to the exit code."""

  def run(output, *options):
    arguments = [str(slices), f'--checkpoint={checkpoint}']
    arguments += [f'--output={output}', '--images_are_scans', *options]
    return predict.main(arguments)

  return run


@pytest.fixture(scope='module')
def undisturbed(tmp_path_factory, predict_slices):
  output = tmp_path_factory.mktemp('undisturbed') / 'results'
  assert predict_slices(output) == 0
  return _contents(output)


def _contents(folder):
  paths = [x for x in folder.rglob('*') if x.is_file()]
  return {x.relative_to(folder): x.read_bytes() for x in paths}


@pytest.fixture
def fail_at(monkeypatch):
  """Returns a function that lets the scan of a number, from 1, fail."""
  original = score_lib.score
  scored = []

  def fail(number, error):
    def score(network, scan, **options):
      scored.append(scan.id)
      if len(scored) == number:
        raise error
      return original(network, scan, **options)

    monkeypatch.setattr(score_lib, 'score', score)
    return scored

  return fail


def test_interrupted_call_goes_on(
  tmp_path, predict_slices, undisturbed, fail_at, capsys
):
  output = tmp_path / 'x'
  scored = fail_at(2, KeyboardInterrupt())
  assert predict_slices(output) == 130
  assert 'the same command goes on' in capsys.readouterr().err
  done = scored[0]
  assert predict_slices(output, '--score_flagged') == 2
  error = capsys.readouterr().err
  assert 'score_flagged=False, and this one has score_flagged=True' in error
  scored.clear()
  fail_at(0, None)
  assert predict_slices(output) == 0
  assert '1 of 3 scans are done already.' in capsys.readouterr().out
  assert done not in scored
  assert _contents(output) == undisturbed
  assert predict_slices(output) == 2
  assert 'is not empty' in capsys.readouterr().err


def test_missing_files_are_remembered_over_an_interruption(
  tmp_path, predict_slices, fail_at, monkeypatch
):
  scored = fail_at(2, KeyboardInterrupt())
  with monkeypatch.context() as patch:
    patch.setattr(
      clinic_files.ClinicFiles,
      'write',
      lambda *x: clinic_files.Written(['  No DICOM objects'], False),
    )
    assert predict_slices(tmp_path / 'x') == 130
  assert len(scored) == 2
  assert predict_slices(tmp_path / 'x') == 1


def test_scans_that_are_done_and_not_given_are_refused(
  tmp_path, checkpoint, predict_slices, slices, fail_at, capsys
):
  fail_at(2, KeyboardInterrupt())
  assert predict_slices(tmp_path / 'x') == 130
  first = next(iter(sorted(slices.glob('*.png'))))
  arguments = [str(x) for x in slices.glob('*.png') if x != first]
  arguments += [f'--checkpoint={checkpoint}', f'--output={tmp_path / "x"}']
  assert predict.main([*arguments, '--images_are_scans']) == 2
  assert 'results of 1 scans that are not in this' in capsys.readouterr().err


def test_scan_that_fails_does_not_stop_the_others(
  tmp_path, predict_slices, undisturbed, fail_at, capsys
):
  output = tmp_path / 'x'
  scored = fail_at(2, ZeroDivisionError('of Jane Doe'))
  assert predict_slices(output) == 1
  assert '1.png: not scored: ZeroDivisionError' in capsys.readouterr().out
  table = pd.read_csv(output / 'scans.csv', keep_default_na=False)
  (row,) = table[table['scan_id'] == scored[1]].to_dict('records')
  assert row['verdict'] == 'refused'
  reason = 'The scan could not be scored (ZeroDivisionError).'
  assert row['reasons'] == reason
  assert row['p_NCP'] == ''
  contents = _contents(output)
  assert b'Jane Doe' not in b''.join(contents.values())
  assert not (output / 'unfinished').exists()
  # The pages of the others are those of an undisturbed call.
  same = [x for x in undisturbed if x.stem in (scored[0], scored[2])]
  assert len(same) == 4
  assert all(contents[x] == undisturbed[x] for x in same)


def test_several_processes_give_the_same(
  tmp_path, predict_slices, undisturbed, capsys
):
  assert predict_slices(tmp_path / 'x', '--jobs=2') == 0
  assert _contents(tmp_path / 'x') == undisturbed
  printed = capsys.readouterr()
  assert printed.out.count('.png -> ') == 3
  assert printed.err == ''
  assert predict_slices(tmp_path / 'y', '--jobs=0') == 2


def test_scan_whose_process_dies_has_a_row(
  tmp_path, predict_slices, monkeypatch, capsys
):
  def score(arguments, scan_ids, on_done):
    del arguments, on_done
    return list(scan_ids)

  monkeypatch.setattr(predict_scans.predict_jobs, 'score', score)
  assert predict_slices(tmp_path / 'x', '--jobs=2') == 1
  assert 'its process was ended' in capsys.readouterr().out
  table = pd.read_csv(tmp_path / 'x' / 'scans.csv')
  assert len(table) == 3
  assert (table['verdict'] == 'refused').all()


def test_full_disk_stops_and_the_same_command_goes_on(
  tmp_path, predict_slices, undisturbed, capsys, largest_file
):
  output = tmp_path / 'x'
  with largest_file(2000):
    assert predict_slices(output) == 1
  error = capsys.readouterr().err.splitlines()[-1]
  assert 'is larger than files may be here' in error
  assert error.endswith('Make room, then give the same command again.')
  # As nothing is done yet, another call may take the folder.
  assert predict_slices(output, '--score_flagged') == 0
  assert predict_slices(tmp_path / 'y') == 0
  assert _contents(tmp_path / 'y') == undisturbed


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


def test_a_public_checkpoint_is_no_classifier_of_scans(
  study, tmp_path, random_params, capsys
):
  path = tmp_path / 'public.npz'
  bit_npz.save(
    path,
    random_params('tiny', num_classes=60),
    model_name='tiny',
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


@pytest.mark.parametrize('signum', [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_archives_are_unpacked_leaves_nothing(
  signum, checkpoint, study, tmp_path, monkeypatch
):
  path = shutil.make_archive(str(tmp_path / 'study'), 'zip', study)
  temporary = tmp_path / 'temporary'
  temporary.mkdir()
  monkeypatch.setattr(tempfile, 'tempdir', str(temporary))
  original, left = file_kind.kind, []

  def kind(file):
    if file.path.is_relative_to(temporary):
      left.append(file.path.read_bytes())
      signal.raise_signal(signum)
    return original(file)

  monkeypatch.setattr(file_kind, 'kind', kind)
  code = predict.main(
    [path, f'--checkpoint={checkpoint}', f'--output={tmp_path / "results"}']
  )
  assert code == 128 + signum
  assert left
  assert not list(temporary.iterdir())


def test_names_on_the_terminal_are_single_lines(
  checkpoint, chest, tmp_path, capfd
):
  odd = 'a\x1b[2K\rError: b\nError: c'
  (tmp_path / odd).mkdir()
  gray = chest(64).clip(-200, 100) + 200
  Image.fromarray(gray.astype(np.uint8)).save(tmp_path / odd / 'x.png')
  (tmp_path / odd / f'{odd}.dcm').write_bytes(bytes(128) + b'DICM')
  predict.main(
    [
      str(tmp_path / odd),
      f'--checkpoint={checkpoint}',
      f'--output={tmp_path / "results"}',
    ]
  )
  printed = ''.join(capfd.readouterr())
  assert 'Refused: ' in printed
  assert '\x1b' not in printed
  assert '\r' not in printed
  assert not [x for x in printed.splitlines() if x.startswith('Error')]


@pytest.mark.slow
def test_the_pages_can_be_read_with_a_screen_reader(output, tmp_path):
  for path in output.glob('*.html'):
    assert browser.faults(path.read_text(), tmp_path) == [], path.name
