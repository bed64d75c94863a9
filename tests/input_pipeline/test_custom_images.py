# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.custom_images."""

import os
import re

import numpy as np
import pytest
import tensorflow as tf

from input_pipeline import custom_images
from input_pipeline import data_source


def _load(path, split, **fields):
  source = data_source.DataSource('image_folder', path=str(path), **fields)
  return custom_images.load(source, split)


@pytest.fixture
def write(tmp_path, encode, noise):
  """Writes images of 30 x 20 pixels, each its own, below a folder."""

  def write(*names):
    for number, name in enumerate(names):
      path = tmp_path / name
      path.parent.mkdir(parents=True, exist_ok=True)
      kind = 'PNG' if path.suffix.lower() == '.png' else 'JPEG'
      path.write_bytes(encode(noise(20, 30, seed=number), kind))
    return tmp_path

  return write


def test_a_folder_of_classes_is_read_in_order(write):
  root = write(
    'train/NCP/b.png',
    'train/NCP/a.jpg',
    'train/Normal/c.jpeg',
    'train/CP/d.png',
    'test/Normal/e.png',
  )
  examples = _load(root, 'train')
  assert examples.class_names == ('Normal', 'CP', 'NCP')
  paths = ['train/CP/d.png', 'train/NCP/a.jpg', 'train/NCP/b.png',
           'train/Normal/c.jpeg']  # fmt: skip
  assert examples.slice_id.tolist() == paths
  assert examples.label.tolist() == [1, 2, 2, 0]
  assert examples.label.dtype == np.int32
  assert examples.box.tolist() == [[0, 0, 0, 0]] * 4
  # Nothing is known of patients: each image is one of its own.
  assert examples.patient_id.tolist() == paths
  for i, path in enumerate(paths):
    assert examples.read(np.int64(i)) == (root / path).read_bytes()


@pytest.mark.parametrize(
  ('classes', 'expected'),
  [
    (('NCP', 'CP', 'Normal'), ('Normal', 'CP', 'NCP')),
    (('b', 'a'), ('a', 'b')),
    (('NCP', 'CP', 'Normal', 'Flu'), ('CP', 'Flu', 'NCP', 'Normal')),
    (('Normal', 'CP'), ('CP', 'Normal')),
  ],
)
def test_classes_are_in_covidx_order_or_the_alphabets(write, classes, expected):
  root = write(*(f'val/{name}/1.png' for name in classes))
  examples = _load(root, 'val')
  assert examples.class_names == expected
  named = [expected[label] for label in examples.label]
  assert named == [name.split('/')[1] for name in examples.slice_id]


def test_nested_folders_and_upper_case_suffixes_are_found(write):
  root = write('train/a/p1/s1/1.PNG', 'train/a/p2/2.Jpg', 'train/a/0.JPEG')
  assert _load(root, 'train').slice_id.tolist() == [
    'train/a/0.JPEG',
    'train/a/p1/s1/1.PNG',
    'train/a/p2/2.Jpg',
  ]


def test_hidden_files_and_other_files_are_left_out(write):
  root = write(
    'train/a/1.png', 'train/a/.2.png', 'train/a/.cache/3.png', '.git/a/4.png'
  )
  (root / 'train' / 'a' / 'notes.txt').write_text('nothing')
  (root / 'train' / 'a' / 'folder.png').mkdir()
  assert _load(root, 'train').slice_id.tolist() == ['train/a/1.png']


@pytest.mark.parametrize('layout', ['folder', 'csv'])
def test_labels_count_the_classes_of_all_splits(write, layout):
  root = write('train/a/1.png', 'train/b/2.png', 'test/b/3.png')
  if layout == 'csv':
    root = root / 'list.csv'
    root.write_text(
      'split,label,path\n'
      'train,a,train/a/1.png\n'
      'train,b,train/b/2.png\n'
      'test,b,test/b/3.png\n'
    )
  examples = _load(root, 'test')
  assert examples.class_names == ('a', 'b')
  assert examples.label.tolist() == [1]


def test_a_folder_of_classes_alone_is_a_test_split(write):
  root = write('NCP/b.png', 'Normal/a.png', '.git/c.png')
  (root / 'manifest.csv').write_text('nothing')
  examples = _load(root, 'test')
  assert examples.class_names == ('NCP', 'Normal')
  assert examples.slice_id.tolist() == ['NCP/b.png', 'Normal/a.png']
  assert examples.label.tolist() == [0, 1]
  source = data_source.DataSource('image_folder', path=str(root))
  assert [*custom_images.load_all(source)] == ['test']
  with pytest.raises(
    ValueError, match=r"no split 'train' .*\['test'\].*train/<class>"
  ):
    _load(root, 'train')


@pytest.mark.parametrize(
  'names',
  [
    ('train/a.png', 'val/b.png'),
    ('one/a.png', 'one/b.png'),
    ('one/a.png', 'two/Normal/b.png'),
  ],
)
def test_images_beside_the_classes_of_a_split_stay_an_error(write, names):
  with pytest.raises(ValueError, match='lies in no class folder'):
    _load(write(*names), names[0].split('/')[0])


def test_an_unknown_split_is_an_error_that_lists_the_folders(write):
  root = write('train/a/1.png', 'test/a/2.png')
  with pytest.raises(
    ValueError, match=r"no split 'val' in .*\['test', 'train'\]"
  ):
    _load(root, 'val')


def test_a_split_without_images_is_an_error(write):
  root = write('train/a/1.png')
  (root / 'test' / 'a').mkdir(parents=True)
  with pytest.raises(ValueError, match=r'no images .*\.png.* in the class'):
    _load(root, 'test')


def test_neither_folder_nor_csv_is_an_error(tmp_path):
  with pytest.raises(FileNotFoundError, match=r'config\.data\.path .*missing'):
    _load(tmp_path / 'missing', 'train')


def test_an_unreadable_image_is_an_error_with_its_name(write):
  root = write('train/a/1.png', 'train/a/2.png')
  bad = root / 'train' / 'a' / '2.png'
  bad.write_bytes(bad.read_bytes()[:-30])
  with pytest.raises(ValueError, match=re.escape(str(bad))):
    _load(root, 'train')


def test_the_range_of_sixteen_bits_is_used(write, encode):
  root = write('train/a/1.png')
  pixels = np.array([[0, 2048, 4095]], np.uint16)
  (root / 'train' / 'a' / '1.png').write_bytes(encode(pixels))
  examples = _load(root, 'train', range_16bit=(0, 4095))
  decoded = tf.io.decode_image(examples.read(0)).numpy()
  assert decoded[..., 0].tolist() == [[0, 128, 255]]
  with pytest.raises(ValueError, match=r'1\.png is a 16-bit image'):
    _load(root, 'train')


def test_a_changed_image_changes_the_fingerprint(write, encode, noise):
  root = write('train/a/1.png')
  before = _load(root, 'train').fingerprint
  assert _load(root, 'train').fingerprint == before
  (root / 'train/a/1.png').write_bytes(encode(noise(20, 30, seed=9)))
  assert _load(root, 'train').fingerprint != before


_HEADER = 'path,label,split,patient,source,xmin,ymin,xmax,ymax'


def test_a_csv_gives_all_that_it_has(write):
  root = write('x/1.png', 'x/2.png', 'y/3.jpg')
  (root / 'list.csv').write_text(
    f'{_HEADER}\n'
    'y/3.jpg,NCP,train,p2,there,0,0,30,20\n'
    'x/1.png,Normal,train,p1,,,,,\n'
    './x\\2.png,CP,val,,here,3,4,29,19\n'
  )
  train = _load(root / 'list.csv', 'train')
  assert train.class_names == ('Normal', 'CP', 'NCP')
  assert train.slice_id.tolist() == ['y/3.jpg', 'x/1.png']
  assert train.label.tolist() == [2, 0]
  assert train.patient_id.tolist() == ['p2', 'p1']
  assert train.source.tolist() == ['there', '']
  assert train.box.tolist() == [[0, 0, 30, 20], [0, 0, 0, 0]]
  assert train.box.dtype == np.int32
  assert train.read(1) == (root / 'x' / '1.png').read_bytes()
  val = _load(root / 'list.csv', 'val')
  assert val.slice_id.tolist() == ['x/2.png']
  assert val.patient_id.tolist() == ['x/2.png']
  assert val.label.tolist() == [1]
  assert val.box.tolist() == [[3, 4, 29, 19]]


def test_words_that_pandas_takes_for_missing_are_class_names(write):
  root = write('1.png', '2.png')
  (root / 'list.csv').write_text('path,label,split\n1.png,NA,t\n2.png,None,t\n')
  examples = _load(root / 'list.csv', 't')
  assert examples.class_names == ('NA', 'None')


_BAD_ROWS = {
  'blank line': ('', '0 fields; expected 9'),
  'empty path': (',CP,train,p2,,,,,', "column 'path' is empty"),
  'empty label': ('x/2.png,,train,p2,,,,,', "column 'label' is empty"),
  'empty split': ('x/2.png,CP,,p2,,,,,', "column 'split' is empty"),
  'too few columns': ('x/2.png,CP', '2 fields; expected 9'),
  'comma at the end': ('x/2.png,CP,train,p2,,,,,,', '10 fields; expected 9'),
  'parent folder': ('../2.png,CP,train,p2,,,,,', 'relative to the CSV'),
  'parent inside': ('x/../2.png,CP,train,p2,,,,,', 'relative to the CSV'),
  'parent, Windows': ('..\\2.png,CP,train,p2,,,,,', 'relative to the CSV'),
  'absolute': ('/x/2.png,CP,train,p2,,,,,', 'relative to the CSV'),
  'duplicate': ('x/1.png,CP,train,p1,,,,,', r'already in .*list\.csv:2'),
  'duplicate, spelt otherwise': (
    './x//1.png,CP,train,p1,,,,,',
    r'already in .*list\.csv:2',
  ),
  'patient in two splits': (
    'x/2.png,CP,val,p1,,,,,',
    r"patient 'p1' is in the splits 'train' \(.*csv:2\) and 'val'",
  ),
  'fraction': ('x/2.png,CP,train,p2,,0,0,9.5,9', 'four whole numbers'),
  'negative': ('x/2.png,CP,train,p2,,-1,0,9,9', 'four whole numbers'),
  'word': ('x/2.png,CP,train,p2,,a,0,9,9', 'four whole numbers'),
  'three corners': ('x/2.png,CP,train,p2,,0,0,9,', 'four whole numbers'),
  'inverted': ('x/2.png,CP,train,p2,,9,0,0,9', 'empty or inverted'),
  'empty': ('x/2.png,CP,train,p2,,0,9,9,9', 'empty or inverted'),
  'zeros': ('x/2.png,CP,train,p2,,0,0,0,0', 'empty or inverted'),
}


@pytest.mark.parametrize('kind', list(_BAD_ROWS))
def test_a_bad_row_is_an_error_with_its_line(write, kind):
  row, message = _BAD_ROWS[kind]
  root = write('x/1.png', 'x/2.png')
  path = root / 'list.csv'
  path.write_text(f'{_HEADER}\nx/1.png,CP,train,p1,,,,,\n{row}\n')
  with pytest.raises(ValueError, match=message) as error:
    _load(path, 'train')
  assert str(error.value).startswith(f'{path}:3: ')


def test_a_box_outside_the_image_is_an_error_with_its_name(write):
  root = write('x/1.png')
  path = root / 'list.csv'
  path.write_text(f'{_HEADER}\nx/1.png,CP,train,p1,,0,0,31,20\n')
  with pytest.raises(
    ValueError, match=r'x/1\.png: the box \(0, 0, 31, 20\) .* 30 x 20 pixels'
  ):
    _load(path, 'train')


@pytest.mark.parametrize(
  ('header', 'message'),
  [
    ('path,split', r"missing: \['label'\], not known: \[\]"),
    ('file,class,split', r"\['path', 'label'\], not .*: \['file', 'class'\]"),
    ('path,label,split,age', r"missing: \[\], not known: \['age'\]"),
    ('path;label;split', r"not known: \['path;label;split'\]"),
    ('path,label,split,path', r"twice: \['path'\]"),
  ],
)  # fmt: skip
def test_missing_and_unknown_columns_are_errors(tmp_path, header, message):
  path = tmp_path / 'list.csv'
  path.write_text(f'{header}\n{",".join("x" * (1 + header.count(",")))}\n')
  with pytest.raises(ValueError, match=message) as error:
    _load(path, 'train')
  assert str(path) in str(error.value)
  assert 'patient, source, xmin' in str(error.value)


def test_a_missing_file_of_a_csv_is_an_error_with_its_name(write):
  root = write('1.png')
  (root / 'list.csv').write_text('path,label,split\n1.png,a,t\n2.png,a,t\n')
  with pytest.raises(FileNotFoundError, match=re.escape(str(root / '2.png'))):
    _load(root / 'list.csv', 't')


def test_an_unknown_split_of_a_csv_is_an_error_that_lists_its_splits(write):
  root = write('1.png', '2.png')
  (root / 'list.csv').write_text('path,label,split\n1.png,a,t\n2.png,a,s\n')
  with pytest.raises(ValueError, match=r"no split 'u' in .*\['s', 't'\]"):
    _load(root / 'list.csv', 'u')


def test_images_below_a_class_folder_are_found_sorted(write):
  root = write(
    't/s/b.png', 't/s/a/c.JPG', 't/s/.x.png', 't/s/.y/z.png', 'other.png'
  )
  (root / 't' / 's' / 'd.txt').write_text('nothing')
  assert _load(root, 't').slice_id.tolist() == ['t/s/a/c.JPG', 't/s/b.png']


def test_a_hidden_folder_above_hides_nothing(write):
  root = write('.scans/t/s/b.png')
  assert _load(root / '.scans', 't').slice_id.tolist() == ['t/s/b.png']


def test_real_colour_jpegs_are_read(tmp_path, real_data):
  (tmp_path / 'test').mkdir()
  (tmp_path / 'test' / 'x').symlink_to(real_data / 'volume_jpg')
  paths = sorted((real_data / 'volume_jpg').glob('*.jpg'))
  examples = _load(tmp_path, 'test')
  assert len(examples) == len(paths) == 50
  assert examples.read(7) == paths[7].read_bytes()


def test_image_outside_of_a_class_folder_is_an_error(write):
  root = write('train/x/1.png', 'train/2.png')
  with pytest.raises(ValueError, match=r'train/2\.png lies in no class folder'):
    _load(root, 'train')


def test_links_are_followed(write, tmp_path):
  root = write('elsewhere/1.png', 'data/train/x/2.png', 'data/train/y/3.png')
  (root / 'data/train/x/more').symlink_to(root / 'elsewhere')
  examples = _load(root / 'data', 'train')
  assert examples.slice_id.tolist() == [
    'train/x/2.png',
    'train/x/more/1.png',
    'train/y/3.png',
  ]


def test_images_of_other_kinds_are_not_passed_over(write):
  root = write('train/x/1.png', 'train/y/2.png')
  (root / 'train/y/3.tif').write_bytes(b'II*')
  with pytest.raises(ValueError, match=r'3\.tif: images of this kind'):
    _load(root, 'train')


def test_leftovers_of_archives_are_no_classes(write):
  root = write('train/x/1.png', 'train/y/2.png')
  (root / '__MACOSX/train').mkdir(parents=True)
  (root / 'train/empty').mkdir()
  (root / 'train/x/Thumbs.db').write_bytes(b'x')
  assert _load(root, 'train').class_names == ('x', 'y')


@pytest.mark.parametrize(
  ('content', 'message'),
  [
    (b'path,label,split\na.png,NCP ,train\n', r"csv:2: 'NCP ' .* blank"),
    (b'path,label,split\n"a"b.png,NCP,train\n', r'csv:\d: '),
    (b'path,label,split\n\xe4.png,NCP,train\n', r'csv: not UTF-8'),
  ],
)
def test_what_csv_readers_stumble_over(tmp_path, content, message):
  path = tmp_path / 'list.csv'
  path.write_bytes(content)
  with pytest.raises(ValueError, match=message):
    _load(path, 'train')


def test_csv_with_the_mark_of_a_spreadsheet(write):
  root = write('x/1.png', 'x/2.png')
  path = root / 'list.csv'
  lines = 'path,label,split\r\nx/1.png,A,train\r\nx/2.png,B,train\r\n'
  path.write_bytes(b'\xef\xbb\xbf' + lines.encode())
  examples = _load(path, 'train')
  assert examples.class_names == ('A', 'B')
  assert examples.label.tolist() == [0, 1]


def _csv(root, *rows):
  path = root / 'list.csv'
  path.write_text('\n'.join(('path,label,split,patient', *rows)) + '\n')
  return path


# Composed and decomposed accent, capitals, width, blanks.
_TWO_FORMS = [
  ('Pneumon\u00eda', 'Pneumoni\u0301a'),
  ('Normal', 'normal'),
  ('Stra\u00dfe', 'STRASSE'),
  ('a b', 'a  b'),
  ('NCP', '\uff2eCP'),
]


@pytest.mark.parametrize(('first', 'second'), _TWO_FORMS)
@pytest.mark.parametrize('kind', ['label', 'split', 'patient'])
def test_one_name_in_two_forms_is_an_error_that_shows_both(
  write, kind, first, second
):
  root = write('1.png', '2.png', '3.png')
  rows = [
    {'label': 'A', 'split': 'train', 'patient': 'p1'} | {kind: first},
    {'label': 'B', 'split': 'train', 'patient': 'p2'},
    {'label': 'A', 'split': 'test', 'patient': 'p3'} | {kind: second},
  ]
  path = _csv(
    root, *(f'{i}.png,' + ','.join(row.values()) for i, row in enumerate(rows))
  )
  with pytest.raises(ValueError, match=re.escape(ascii(first))) as error:
    _load(path, 'train')
  assert str(error.value).startswith(f'{path}:4: the {kind} {second!a} ')
  assert f'{path}:2.' in str(error.value)


@pytest.mark.parametrize(('first', 'second'), _TWO_FORMS)
def test_class_folders_in_two_forms_are_an_error(write, first, second):
  root = write(f'train/{first}/1.png', f'test/{second}/2.png')
  with pytest.raises(ValueError, match=re.escape(ascii(second))) as error:
    _load(root, 'train')
  assert ascii(first) in str(error.value)


_NO_FILE_NAMES = {
  'slash': ('CP/bacterial', 'has a slash'),
  'backslash': ('CP\\bacterial', 'has a slash'),
  'dot': ('.CP', 'begins with a dot'),
  'parent': ('..', 'begins with a dot'),
  'zero-width space': ('NCP\u200b', 'cannot be seen'),
  'NUL': ('NCP\0', 'cannot be seen'),
  'long': ('\u00e9' * 101, 'takes 202 bytes'),
}


@pytest.mark.parametrize('kind', list(_NO_FILE_NAMES))
def test_a_class_that_cannot_name_a_file_is_an_error_with_its_line(write, kind):
  name, message = _NO_FILE_NAMES[kind]
  path = _csv(write('1.png'), '1.png,A,train,p', f'2.png,{name},train,q')
  with pytest.raises(ValueError, match=message) as error:
    _load(path, 'train')
  assert str(error.value).startswith(f'{path}:3: the label {name!a} ')


@pytest.mark.parametrize('name', ['NCP ', 'NCP\u200b'])
def test_a_class_folder_with_a_blank_that_nobody_sees_is_an_error(write, name):
  root = write(f'train/{name}/1.png', 'train/A/2.png')
  with pytest.raises(ValueError, match=re.escape(f'the class {name!a}')):
    _load(root, 'train')


def test_a_file_name_that_is_not_utf8_is_an_error_that_shows_it(write):
  root = write('train/A/1.png', 'train/B/2.png')
  folder = os.fsencode(root / 'train' / 'A')
  os.rename(folder + b'/1.png', folder + b'/M\xfcller.png')
  with pytest.raises(ValueError, match=r'A/M\\xfcller\.png: .* not UTF-8') as e:
    _load(root, 'train')
  str(e.value).encode()


@pytest.mark.parametrize('folder', ['', 'train', 'train/B', 'train/A/p'])
def test_a_folder_that_cannot_be_read_is_an_error_that_names_it(
  write, monkeypatch, folder
):
  root = write('train/A/1.png', 'train/A/p/2.png', 'train/B/3.png')

  def refusing(function):
    def call(path):
      if os.fspath(path) == str(root / folder):
        raise PermissionError(13, 'Permission denied', path)
      return function(path)

    return call

  # As root, which reads everything, the tests cannot take a permission away.
  monkeypatch.setattr(os, 'scandir', refusing(os.scandir))
  monkeypatch.setattr(os, 'listdir', refusing(os.listdir))
  message = re.escape(f'{root / folder}: this folder cannot be read')
  with pytest.raises(ValueError, match=message):
    _load(root, 'train')


@pytest.mark.parametrize('target', ['train/A', 'train', '.'])
def test_a_link_to_a_folder_that_holds_it_is_followed_once(write, target):
  root = write('train/A/1.png', 'train/B/2.png', 'test/B/3.png')
  (root / 'train/A/loop').symlink_to(root / target)
  assert _load(root, 'train').slice_id.tolist() == [
    'train/A/1.png',
    'train/B/2.png',
  ]


def test_a_folder_that_is_linked_twice_is_read_once(write):
  root = write('elsewhere/1.png', 'data/train/A/2.png', 'data/train/B/3.png')
  for name in ('x', 'y'):
    (root / 'data/train/A' / name).symlink_to(root / 'elsewhere')
  assert _load(root / 'data', 'train').slice_id.tolist() == [
    'train/A/2.png',
    'train/A/x/1.png',
    'train/B/3.png',
  ]
  (root / 'data/train/B/z').symlink_to(root / 'elsewhere')
  with pytest.raises(ValueError, match=r'B/z is the same folder as .*A/x'):
    _load(root / 'data', 'train')


@pytest.mark.parametrize(
  ('name', 'message'),
  [
    ('p1', r'A/p1 is a link to .*gone, which does not exist'),
    ('p1.png', r'A/p1\.png does not exist'),
  ],
)
def test_a_link_that_leads_nowhere_is_an_error(write, name, message):
  root = write('train/A/1.png', 'train/B/2.png')
  (root / 'train/A' / name).symlink_to(root / 'gone')
  with pytest.raises((ValueError, FileNotFoundError), match=message):
    _load(root, 'train')


def test_dark_slices_are_judged_over_the_split(write, encode):
  root = write(*(f'train/A/{i}.png' for i in range(5)))
  dark = encode(np.array([[0, 60]], np.uint16))
  bright = encode(np.array([[0, 4000]], np.uint16))
  for i in range(5):
    (root / f'train/A/{i}.png').write_bytes(dark if i < 2 else bright)
  examples = _load(root, 'train', range_16bit=(0, 4095))
  assert examples.image(1).tolist() == [[0, 4]]
  (root / 'train/A/2.png').write_bytes(dark)
  message = r'A/0\.png is a 16-bit image of values from 0 to 60'
  with pytest.raises(ValueError, match=message):
    _load(root, 'train', range_16bit=(0, 4095))


def test_an_image_that_is_replaced_after_the_check_is_found(
  write, encode, noise
):
  root = write('train/A/1.png', 'train/B/2.png')
  examples = _load(root, 'train')
  path = root / 'train/A/1.png'
  before = path.stat()
  other = encode(noise(20, 30, seed=9))
  same = path.read_bytes()
  path.write_bytes(other)
  os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
  with pytest.raises(ValueError, match=r'A/1\.png has changed since it was'):
    examples.image(0)
  # The same content is no change, whenever it was written.
  path.write_bytes(same)
  assert examples.image(0).shape == (20, 30)
