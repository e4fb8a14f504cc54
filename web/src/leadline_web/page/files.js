/** The files that a person takes away: PNG, NPY, PLY and GLB, as `leadline predict` writes them. */

const UNITS_PER_METRE = 1000;
const LARGEST = 65535;
const encoder = new TextEncoder();

/** @typedef {BlobPart[]} Parts */

/**
 * What a file of depth says about itself, by key.
 * @param {FileFacts} facts
 * @returns {Record<string, string>}
 */
function metadata({ intrinsics, provenance }) {
  return {
    'leadline:kind': 'planar z, metres',
    'leadline:unit': '1/1000 metre',
    'leadline:units_per_metre': `${UNITS_PER_METRE}.0`,
    'leadline:invalid': '0',
    'leadline:provenance': asciiJson(provenance),
    ...(intrinsics ? { 'leadline:intrinsics': asciiJson(intrinsics) } : {}),
  };
}

/**
 * JSON whose characters are ASCII, which is what text in PNG files holds everywhere.
 * @param {unknown} value
 */
function asciiJson(value) {
  const escape = (/** @type {string} */ sign) =>
    `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, escape);
}

/**
 * 16-bit grey in millimetres, 0 where invalid; says how many pixels lay beyond 65.535 m.
 * @param {Float32Array} depth
 * @param {number} width
 * @param {number} height
 * @param {FileFacts} facts
 */
export async function png16(depth, width, height, facts) {
  const rows = new Uint8Array(height * (1 + 2 * width));
  let tooFar = 0;
  for (let row = 0, at = 0, from = 0; row < height; row++) {
    rows[at++] = 0;
    for (let column = 0; column < width; column++) {
      const value = depth[from++];
      const isValid = value > 0 && value < Infinity;
      const units = isValid ? Math.max(1, Math.round(value * UNITS_PER_METRE)) : 0;
      if (units > LARGEST) tooFar++;
      const stored = Math.min(units, LARGEST);
      rows[at++] = stored >> 8;
      rows[at++] = stored & 255;
    }
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = 16;
  const texts = Object.entries(metadata(facts)).map(([key, value]) => textChunk(key, value));
  const blob = new Blob(
    [
      new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]),
      chunk('IHDR', header),
      ...texts,
      chunk('IDAT', await deflate(rows)),
      chunk('IEND', new Uint8Array()),
    ],
    { type: 'image/png' },
  );
  return { blob, tooFar };
}

/**
 * A PNG with one more text, behind its header.
 * @param {Blob} blob
 * @param {string} key
 * @param {string} value
 */
export function withText(blob, key, value) {
  const header = 8 + 25;
  const parts = [blob.slice(0, header), textChunk(key, value), blob.slice(header)];
  return new Blob(parts, { type: 'image/png' });
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function deflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * @param {string} key
 * @param {string} value
 */
function textChunk(key, value) {
  return chunk('tEXt', encoder.encode(`${key}\0${value}`));
}

/**
 * @param {string} kind
 * @param {Uint8Array} data
 */
function chunk(kind, data) {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(encoder.encode(kind), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? 0xedb88320 ^ (rest >>> 1) : rest >>> 1;
  return rest >>> 0;
});

/** @param {Uint8Array} bytes */
function crc32(bytes) {
  let rest = 0xffffffff;
  for (const byte of bytes) rest = CRC_TABLE[(rest ^ byte) & 255] ^ (rest >>> 8);
  return (rest ^ 0xffffffff) >>> 0;
}

/**
 * NumPy's format, float32 metres (height, width).
 * @param {Float32Array<ArrayBuffer>} depth
 * @param {number} width
 * @param {number} height
 */
export function npy(depth, width, height) {
  const about = `{'descr': '<f4', 'fortran_order': False, 'shape': (${height}, ${width}), }`;
  const length = Math.ceil((10 + about.length + 1) / 64) * 64 - 10;
  const header = new Uint8Array(10 + length).fill(32);
  header.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, length & 255, length >> 8]);
  header.set(encoder.encode(about), 10);
  header[header.length - 1] = 10;
  return new Blob([header, depth]);
}

/**
 * Binary PLY of points with colours.
 * @param {{positions: Float32Array, colors: Uint8Array}} points
 * @param {FileFacts} facts
 */
export function ply({ positions, colors }, { provenance }) {
  const count = positions.length / 3;
  if (!count) throw new Error('There is no point to write: no pixel has a valid depth.');
  const comments = Object.entries(provenance).map(([key, value]) => `${key} ${value}`);
  const lines = ['ply', 'format binary_little_endian 1.0'];
  for (const comment of ['unit metre', 'axes x right, y up, z backward', ...comments]) {
    lines.push(`comment ${comment.replace(/\s+/g, ' ').replace(/[^ -~]/g, '?')}`);
  }
  lines.push(`element vertex ${count}`);
  for (const axis of ['x', 'y', 'z']) lines.push(`property float ${axis}`);
  for (const channel of ['red', 'green', 'blue']) lines.push(`property uchar ${channel}`);
  const body = new DataView(new ArrayBuffer(15 * count));
  for (let point = 0; point < count; point++) {
    for (let axis = 0; axis < 3; axis++) {
      body.setFloat32(15 * point + 4 * axis, positions[3 * point + axis], true);
      body.setUint8(15 * point + 12 + axis, colors[3 * point + axis]);
    }
  }
  return new Blob([[...lines, 'end_header', ''].join('\n'), body]);
}

/**
 * glTF binary of a surface with the photograph, a JPEG, as its texture.
 * @param {Surface} surface
 * @param {Uint8Array} jpeg
 * @param {FileFacts} facts
 */
export function glb({ positions, uv, triangles }, jpeg, { provenance }) {
  if (!triangles.length) {
    throw new Error('A surface needs neighbouring pixels of valid depth; this picture has none.');
  }
  const parts = [positions, uv, triangles, jpeg].map((array) => padded(bytesOf(array), 0));
  const views = [];
  let size = 0;
  for (const part of parts) {
    views.push({ buffer: 0, byteOffset: size, byteLength: part.length });
    size += part.length;
  }
  const [low, high] = boundsOf(positions);
  const about = {
    asset: { version: '2.0', generator: 'leadline', extras: { unit: 'metre', ...provenance } },
    extensionsUsed: ['KHR_materials_unlit'],
    materials: [
      {
        pbrMetallicRoughness: { baseColorTexture: { index: 0 }, metallicFactor: 0 },
        doubleSided: true,
        extensions: { KHR_materials_unlit: {} },
      },
    ],
    textures: [{ source: 0, sampler: 0 }],
    samplers: [{ wrapS: 33071, wrapT: 33071 }],
    images: [{ bufferView: 3, mimeType: 'image/jpeg' }],
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ mesh: 0 }],
    meshes: [
      {
        primitives: [{ attributes: { POSITION: 0, TEXCOORD_0: 1 }, indices: 2, material: 0 }],
      },
    ],
    accessors: [
      {
        bufferView: 0,
        componentType: 5126,
        count: positions.length / 3,
        type: 'VEC3',
        min: low,
        max: high,
      },
      { bufferView: 1, componentType: 5126, count: uv.length / 2, type: 'VEC2' },
      { bufferView: 2, componentType: 5125, count: triangles.length, type: 'SCALAR' },
    ],
    bufferViews: views.map((view, index) =>
      index < 3 ? { ...view, target: index === 2 ? 34963 : 34962 } : view,
    ),
    buffers: [{ byteLength: size }],
  };
  const text = padded(encoder.encode(asciiJson(about)), 32);
  const total = 12 + 8 + text.length + 8 + size;
  const header = new Uint32Array([0x46546c67, 2, total, text.length, 0x4e4f534a]);
  return new Blob([header, text, new Uint32Array([size, 0x004e4942]), ...parts], {
    type: 'model/gltf-binary',
  });
}

/** @param {ArrayBufferView} array */
function bytesOf(array) {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/**
 * @param {Uint8Array} bytes
 * @param {number} filling
 */
function padded(bytes, filling) {
  const whole = new Uint8Array(Math.ceil(bytes.length / 4) * 4).fill(filling);
  whole.set(bytes);
  return whole;
}

/** @param {Float32Array} positions */
function boundsOf(positions) {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let at = 0; at < positions.length; at++) {
    const axis = at % 3;
    if (positions[at] < low[axis]) low[axis] = positions[at];
    if (positions[at] > high[axis]) high[axis] = positions[at];
  }
  return [low, high];
}
