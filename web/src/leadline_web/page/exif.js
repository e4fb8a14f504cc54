/** What a picture file says of its lens: the EXIF block of JPEG, PNG and WebP files. */

const EXIF_IFD = 0x8769;
const FOCAL_LENGTH = 0x920a;
const WIDTH = 0xa002;
const HEIGHT = 0xa003;
const PLANE_RESOLUTION = 0xa20e;
const PLANE_UNIT = 0xa210;
const FOCAL_35MM = 0xa405;

/** Millimetres of a FocalPlaneResolutionUnit; without one it is the inch. */
const MM_OF_UNIT = new Map([
  [2, 25.4],
  [3, 10],
  [4, 1],
  [5, 0.001],
]);

/** Bytes of one value of each TIFF type that is read here: byte, short, long, rational, signed. */
const SIZE_OF_TYPE = new Map([
  [1, 1],
  [3, 2],
  [4, 4],
  [5, 8],
  [9, 4],
  [10, 8],
]);

/**
 * The lens of a picture file; every field null where the file does not say it.
 * @param {Uint8Array} bytes
 * @returns {Lens}
 */
export function readLens(bytes) {
  const block = findExif(bytes);
  /** @type {Map<number, number>} */
  let tags = new Map();
  try {
    if (block) tags = readTags(block);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // a block that is cut short says nothing
  }
  /** @param {number} tag */
  const positive = (tag) => {
    const value = tags.get(tag);
    return value !== undefined && Number.isFinite(value) && value > 0 ? value : null;
  };
  const resolution = positive(PLANE_RESOLUTION);
  const unit = MM_OF_UNIT.get(tags.get(PLANE_UNIT) ?? 2) ?? 25.4;
  const width = positive(WIDTH);
  const height = positive(HEIGHT);
  return {
    focal35mm: positive(FOCAL_35MM),
    focalMm: positive(FOCAL_LENGTH),
    pixelsPerMm: resolution === null ? null : resolution / unit,
    recordedSize: width === null || height === null ? null : [width, height],
  };
}

/**
 * The TIFF structure inside a picture file, or null.
 * @param {Uint8Array} bytes
 */
function findExif(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (view.getUint16(0) === 0xffd8) return exifOfJpeg(view);
    if (view.getUint32(0) === 0x89504e47) return exifOfChunks(view, 8, 'eXIf', false);
    if (view.getUint32(0) === 0x52494646) return exifOfChunks(view, 12, 'EXIF', true);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}

/** @param {DataView} view */
function exifOfJpeg(view) {
  let at = 2;
  while (view.getUint8(at) === 0xff && view.getUint8(at + 1) !== 0xda) {
    const length = view.getUint16(at + 2);
    if (view.getUint8(at + 1) === 0xe1 && view.getUint32(at + 4) === 0x45786966) {
      return part(view, at + 10, length - 8);
    }
    at += 2 + length;
  }
  return null;
}

/**
 * PNG and RIFF files are rows of chunks, which name length and kind in another order.
 * @param {DataView} view
 * @param {number} at
 * @param {string} wanted
 * @param {boolean} isRiff
 */
function exifOfChunks(view, at, wanted, isRiff) {
  while (at + 8 <= view.byteLength) {
    const length = view.getUint32(at + (isRiff ? 4 : 0), isRiff);
    const kind = text(view, at + (isRiff ? 0 : 4), 4);
    if (kind === wanted) {
      const block = part(view, at + 8, length);
      return text(block, 0, 4) === 'Exif' ? part(block, 6, length - 6) : block;
    }
    at += isRiff ? 8 + length + (length % 2) : 12 + length;
  }
  return null;
}

/**
 * @param {DataView} view
 * @param {number} start
 * @param {number} length
 */
function part(view, start, length) {
  return new DataView(view.buffer, view.byteOffset + start, length);
}

/**
 * @param {DataView} view
 * @param {number} at
 * @param {number} length
 */
function text(view, at, length) {
  return String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, length));
}

/**
 * The numbers of the main directory and of the EXIF directory, by tag.
 * @param {DataView} view
 */
function readTags(view) {
  const little = text(view, 0, 2) === 'II';
  const tags = new Map();
  readDirectory(view, view.getUint32(4, little), little, tags);
  const inner = tags.get(EXIF_IFD);
  if (inner !== undefined) readDirectory(view, inner, little, tags);
  return tags;
}

/**
 * @param {DataView} view
 * @param {number} start
 * @param {boolean} little
 * @param {Map<number, number>} tags
 */
function readDirectory(view, start, little, tags) {
  const count = view.getUint16(start, little);
  for (let index = 0; index < count; index++) {
    const at = start + 2 + 12 * index;
    const type = view.getUint16(at + 2, little);
    const size = SIZE_OF_TYPE.get(type);
    if (size === undefined) continue;
    const place = size > 4 ? view.getUint32(at + 8, little) : at + 8;
    tags.set(view.getUint16(at, little), readNumber(view, place, type, little));
  }
}

/**
 * @param {DataView} view
 * @param {number} at
 * @param {number} type
 * @param {boolean} little
 */
function readNumber(view, at, type, little) {
  switch (type) {
    case 1:
      return view.getUint8(at);
    case 3:
      return view.getUint16(at, little);
    case 4:
      return view.getUint32(at, little);
    case 5:
      return view.getUint32(at, little) / view.getUint32(at + 4, little);
    case 9:
      return view.getInt32(at, little);
    default:
      return view.getInt32(at, little) / view.getInt32(at + 4, little);
  }
}
