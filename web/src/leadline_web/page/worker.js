/**
 * Everything that takes time, away from the page: decoding, the network, points, files.
 *
 * A message {id, kind, ...} is answered by {id, result} or {id, error}; while the model loads,
 * {loaded} says how many bytes are there. Every prediction has a number, by which the page asks for
 * its file or its surface: a later one may be there before the page shows it.
 */

import { cameraOfFov, cameraOfLens, processingSize } from './camera.js';
import { colorTable, colorize, robustRange, roundTicks, tickLabels } from './colors.js';
import { readLens } from './exif.js';
import { glb, npy, ply, png16, withText } from './files.js';
import { makePoints, makeSurface } from './geometry.js';
import * as ort from './vendor/ort.wasm.min.mjs';

const MOST_PIXELS = 40_000_000;
const MOST_THREADS = 4;
const LARGEST_TEXTURE = 4096;
const TEXTURE_QUALITY = 0.92;
const PANORAMA = /GPano:ProjectionType\W{1,3}(equirectangular|cylindrical|cubemap)/;
const SEARCHED_FOR_XMP = 1 << 17;
/** What is turned on the page: about as many as the network has pixels. */
const SHOWN_VERTICES = 100_000;
/** What viewers of files still turn fluently. */
const MOST_VERTICES = 400_000;
/** Depths that the range of a live picture is taken from: sorting all would cost frames. */
const LIVE_SAMPLE = 20_000;
/** Of a pixel in little-endian RGBA: others are read by a longer way. */
const OPAQUE = 0xff000000;
/** Probability that there is a depth, below which there is none. */
const LEAST_VALIDITY = 0.5;

/** @type {PageConfig} */
let config;
/** @type {import('onnxruntime-common').InferenceSession} */
let session;
/** Of the picture that the page shows, and of later ones that it has not seen yet; by their numbers. */
/** @type {Map<number, Predicted>} */
const predictions = new Map();
/** How many pictures were predicted. */
let count = 0;

/** Bytes that came so far, of each file. @type {Map<string, number>} */
const received = new Map();
/** They are on their way before the page says anything. */
const downloads = Promise.all([
  fetchBytes('./vendor/ort-wasm-simd-threaded.wasm'),
  fetchBytes('./model.onnx'),
]);
downloads.catch(() => {}); // told to the page when it asks to load

/**
 * @param {PageConfig} given
 * @returns {Promise<Loaded>}
 */
async function load(given) {
  config = given;
  const most = config.threads ?? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1);
  const threads = self.crossOriginIsolated ? most : 1;
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = new URL('./vendor/', import.meta.url).href;
  ort.env.logLevel = 'error';
  const [wasm, model] = await downloads;
  ort.env.wasm.wasmBinary = wasm;
  session = await ort.InferenceSession.create(model, { graphOptimizationLevel: 'all' });
  return { threads, outputs: [...session.outputNames] };
}

/** Do all that a photograph and its 3-D need, with a picture of noise. */
async function warmUp() {
  const noise = new ImageData(640, 480);
  const words = new Uint32Array(noise.data.buffer);
  for (let at = 0; at < words.length; at++) words[at] = Math.imul(at, 2654435761) | OPAQUE;
  const bitmap = await createImageBitmap(noise);
  const { width, height, depth } = await depthOfBitmap(bitmap, bitmap, null);
  bitmap.close();
  robustRange(depth);
  makeSurface(depth, cameraOfFov(60, width, height), SHOWN_VERTICES);
}

/** @param {string} path */
async function fetchBytes(path) {
  const response = await fetch(new URL(path, import.meta.url));
  if (!response.ok || !response.body) {
    throw new Error(`${path.slice(2)} could not be loaded (status ${response.status}).`);
  }
  const parts = [];
  let loaded = 0;
  for await (const part of chunksOf(response.body)) {
    parts.push(part);
    loaded += part.length;
    received.set(path, loaded);
    self.postMessage({ loaded: [...received.values()].reduce((sum, each) => sum + each, 0) });
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** @param {ReadableStream<Uint8Array<ArrayBuffer>>} stream */
async function* chunksOf(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/**
 * Read a picture file and predict it.
 * @param {Blob} blob
 * @param {string} name
 * @param {boolean} onServer
 * @returns {Promise<Answer>}
 */
async function predictFile(blob, name, onServer) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  refuseUnreadable(bytes, name);
  const bitmap = await decode(blob, name, isHeic(bytes));
  const lens = readLens(bytes);
  const { camera, note } = cameraFrom(lens, bitmap.width, bitmap.height);
  return predictBitmap(bitmap, { camera, note, onServer: onServer ? blob : null });
}

/**
 * @param {Uint8Array} bytes
 * @param {string} name
 */
function refuseUnreadable(bytes, name) {
  if (bytes.length === 0) throw new Error(`${name} is empty.`);
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, SEARCHED_FOR_XMP));
  if (PANORAMA.test(start)) {
    throw new Error(`${name} is a 360-degree picture, which no single view shows; cut a view out.`);
  }
}

/**
 * Whether a file is HEIC by its brands, and not AVIF.
 * @param {Uint8Array} bytes
 */
function isHeic(bytes) {
  const brands = String.fromCharCode(...bytes.subarray(4, 64));
  return /^ftyp(hei[cxms]|hevc)/.test(brands) || (/^ftypmif1/.test(brands) && !/avi[fs]/.test(brands));
}

/**
 * @param {Blob} blob
 * @param {string} name
 * @param {boolean} isHeic
 */
async function decode(blob, name, isHeic) {
  try {
    return await createImageBitmap(blob, {
      imageOrientation: 'from-image',
      colorSpaceConversion: 'none',
      premultiplyAlpha: 'none',
    });
  } catch {
    if (isHeic) {
      throw new Error(
        `${name} is a HEIC picture, which this browser does not read. Save or share it as JPEG ` +
          '(iPhone: Settings, Camera, Formats, Most Compatible).',
      );
    }
    throw new Error(
      `${name} cannot be read as a picture: it is damaged, or of a kind that this browser does ` +
        'not show. Give a JPEG, PNG or WebP.',
    );
  }
}

/**
 * @param {Lens} lens
 * @param {number} width
 * @param {number} height
 * @returns {{camera: Intrinsics | null, note: string}}
 */
function cameraFrom(lens, width, height) {
  try {
    return { camera: cameraOfLens(lens, width, height), note: '' };
  } catch (error) {
    return { camera: null, note: /** @type {Error} */ (error).message };
  }
}

/**
 * Live pictures are predicted at the size that the network sees: what is done around it grows with
 * the picture, and costs frames.
 * @param {ImageBitmap} bitmap
 * @param {{camera: Intrinsics | null, note: string, onServer: Blob | null, isLive?: boolean}} about
 * @returns {Promise<Answer>}
 */
async function predictBitmap(bitmap, { camera, note, onServer, isLive = false }) {
  const started = performance.now();
  const size = isLive ? liveSize(bitmap) : bitmap;
  const found = await depthOfBitmap(bitmap, size, onServer);
  const { rgba, width, height, depth, uncertainty, novelty } = found;
  const milliseconds = performance.now() - started;
  const range = robustRange(depth, isLive ? LIVE_SAMPLE : undefined);
  const number = ++count;
  predictions.set(number, { depth, rgba, width, height });
  return {
    number,
    width,
    height,
    bitmap,
    depth: depth.slice(),
    uncertainty,
    novelty,
    range,
    camera,
    note,
    milliseconds,
  };
}

/**
 * The size at which the network sees a picture, or the picture's own where that is smaller.
 * @param {Size} picture
 * @returns {Size}
 */
function liveSize({ width, height }) {
  const [rows, columns] = sizeInNetwork(width, height);
  return rows * columns < width * height ? { width: columns, height: rows } : { width, height };
}

/**
 * @param {number} width
 * @param {number} height
 */
function sizeInNetwork(width, height) {
  return processingSize(height, width, config.model.training_area ?? 76800, config.model.stride ?? 32);
}

/**
 * @param {ImageBitmap} bitmap
 * @param {Size} size of the depth
 * @param {Blob | null} onServer the picture's file, where the server is to predict it
 */
async function depthOfBitmap(bitmap, { width, height }, onServer) {
  if (width * height > MOST_PIXELS) {
    const millions = ((width * height) / 1e6).toFixed(0);
    throw new Error(
      `The picture has ${millions} million pixels; this page takes up to ${MOST_PIXELS / 1e6} ` +
        'million. Make it smaller first.',
    );
  }
  sizeInNetwork(width, height); // refuses what is too long and thin
  const rgba = pixelsOf(bitmap, width, height);
  const outputs = onServer
    ? await askServer(onServer, width, height)
    : await run(rgbOf(rgba), width, height);
  if (!areFinite(outputs.depth)) {
    throw new Error('The model gives depth that is not finite: its file is damaged.');
  }
  return { rgba, width, height, ...outputs };
}

/** @param {Float32Array} values */
function areFinite(values) {
  for (const value of values) if (!(Math.abs(value) < Infinity)) return false;
  return true;
}

/**
 * The pixels as they are stored: of a picture with transparent parts, a canvas would keep no
 * colour behind them, so that WebGL reads it.
 * @param {ImageBitmap} bitmap
 * @param {number} width
 * @param {number} height
 */
function pixelsOf(bitmap, width, height) {
  const options = { willReadFrequently: true, colorSpace: /** @type {const} */ ('srgb') };
  const context = new OffscreenCanvas(width, height).getContext('2d', options);
  if (!context) throw new Error('This browser gives no canvas to read the picture with.');
  context.drawImage(bitmap, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  for (let at = 3; at < data.length; at += 4) {
    if (data[at] !== 255) return unblendedPixels(bitmap) ?? data;
  }
  return data;
}

/** @param {ImageBitmap} bitmap */
function unblendedPixels(bitmap) {
  const { width, height } = bitmap;
  const gl = new OffscreenCanvas(1, 1).getContext('webgl2');
  if (!gl || Math.max(width, height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return null;
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const data = new Uint8ClampedArray(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(data.buffer));
  const failed = gl.getError() !== gl.NO_ERROR;
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return failed ? null : data;
}

/** @param {Uint8ClampedArray} rgba */
function rgbOf(rgba) {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  const [red, blue] = config.model.input_channels === 'bgr' ? [2, 0] : [0, 2];
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from + red];
    rgb[to + 1] = rgba[from + 1];
    rgb[to + 2] = rgba[from + blue];
  }
  return rgb;
}

/**
 * @param {Uint8Array} rgb
 * @param {number} width
 * @param {number} height
 */
async function run(rgb, width, height) {
  const image = new ort.Tensor('uint8', rgb, [1, height, width, 3]);
  const outputs = await session.run({ [session.inputNames[0]]: image });
  /** @param {string} name */
  const take = (name) =>
    name in outputs ? /** @type {Float32Array<ArrayBuffer>} */ (outputs[name].data) : null;
  const depth = take('depth');
  if (!depth) throw new Error('The model has no output called depth; export it again.');
  const validity = take('validity');
  if (validity) {
    for (let at = 0; at < depth.length; at++) if (validity[at] < LEAST_VALIDITY) depth[at] = 0;
  }
  return { depth, uncertainty: take('uncertainty'), novelty: take('novelty')?.[0] ?? null };
}

/**
 * Metres for the camera of the training data, from the server behind this page.
 * @param {Blob} blob
 * @param {number} width
 * @param {number} height
 */
async function askServer(blob, width, height) {
  const url = new URL(config.server?.depth ?? '', import.meta.url);
  url.searchParams.set('camera', 'ignore');
  const response = await fetch(url, {
    method: 'POST',
    body: blob,
    headers: { Accept: 'application/x-npy;dtype=float32', 'Content-Type': blob.type || 'image/jpeg' },
  });
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Error(`The server answers: ${problem.detail ?? `status ${response.status}`}`);
  }
  const bytes = await response.arrayBuffer();
  const length = 10 + new DataView(bytes).getUint16(8, true);
  const depth = new Float32Array(bytes.slice(length));
  if (depth.length !== width * height) {
    throw new Error('The server answers for a picture of another size.');
  }
  const novelty = response.headers.get('Leadline-Novelty');
  return { depth, uncertainty: null, novelty: novelty === null ? null : Number(novelty) };
}

/**
 * The page shows this picture now, and none that was predicted before it any more.
 * @param {number} number
 */
function keepFrom(number) {
  for (const each of predictions.keys()) if (each < number) predictions.delete(each);
}

/**
 * What was predicted for the picture of that number: the newest one may be unknown to the page yet.
 * @param {number} number
 */
function predicted(number) {
  const found = predictions.get(number);
  if (!found) throw new Error('Another picture has taken the place of this one; try again.');
  return found;
}

/**
 * @param {Float32Array<ArrayBuffer>} depth
 * @param {number} scale
 */
function metres(depth, scale) {
  const factor = Math.fround(scale);
  return depth.map((value) => value * factor);
}

/** @param {{number: number, scale: number, camera: Intrinsics}} about */
function surface({ number, scale, camera }) {
  return makeSurface(metres(predicted(number).depth, scale), camera, SHOWN_VERTICES);
}

/** @param {FileRequest} request */
async function file({ number, format, scale, facts, colors }) {
  const { rgba, width, height, ...found } = predicted(number);
  const depth = metres(found.depth, scale);
  const camera = facts.intrinsics;
  if (format === 'png16') return png16(depth, width, height, facts);
  if (format === 'npy') return { blob: npy(depth, width, height), tooFar: 0 };
  if (format === 'color') return { blob: await colorPicture(depth, width, height, colors), tooFar: 0 };
  if (!camera) throw new Error('Points need a field of view; set it first.');
  if (format === 'ply') return { blob: ply(makePoints(depth, camera, rgba), facts), tooFar: 0 };
  const jpeg = await texture(rgba, width, height);
  return { blob: glb(makeSurface(depth, camera, MOST_VERTICES), jpeg, facts), tooFar: 0 };
}

/**
 * @param {Uint8ClampedArray<ArrayBuffer>} rgba
 * @param {number} width
 * @param {number} height
 */
async function texture(rgba, width, height) {
  const shrink = Math.min(1, LARGEST_TEXTURE / Math.max(width, height));
  const opaque = rgba.slice();
  for (let at = 3; at < opaque.length; at += 4) opaque[at] = 255;
  const bitmap = await createImageBitmap(new ImageData(opaque, width, height));
  const canvas = new OffscreenCanvas(Math.round(width * shrink), Math.round(height * shrink));
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: TEXTURE_QUALITY });
  return new Uint8Array(await blob.arrayBuffer());
}

/**
 * The colours with a metre scale beside them.
 * @param {Float32Array} depth
 * @param {number} width
 * @param {number} height
 * @param {{map: string, range: [number, number]}} colors
 */
async function colorPicture(depth, width, height, { map, range }) {
  const table = colorTable(config.colors[map]);
  const size = Math.max(11, Math.round(Math.min(0.05 * height, 0.034 * Math.sqrt(height * width))));
  const canvas = new OffscreenCanvas(width + 8 * size, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.fillStyle = '#111215';
  context.fillRect(0, 0, canvas.width, height);
  context.putImageData(colorize(depth, width, height, table, range), 0, 0);
  const [low, high] = range;
  const margin = size;
  const tall = height - 2 * margin;
  const gradient = Float32Array.from({ length: tall }, (_, row) => high - (row / tall) * (high - low));
  const bar = colorize(gradient, 1, tall, table, range);
  for (let column = 0; column < size; column++) context.putImageData(bar, width + size + column, margin);
  context.font = `${size}px sans-serif`;
  context.textBaseline = 'middle';
  context.fillStyle = '#ebebeb';
  const ticks = roundTicks(low, high, Math.max(2, Math.min(11, Math.floor(tall / (2.6 * size)) + 1)));
  const labels = tickLabels(ticks);
  ticks.forEach((tick, index) => {
    const y = margin + ((high - tick) / (high - low)) * (tall - 1);
    context.fillRect(width + 2 * size, Math.round(y), size / 2, Math.max(1, size / 14));
    context.fillText(labels[index], width + 2.8 * size, y);
  });
  const blob = await canvas.convertToBlob({ type: 'image/png' });
  return withText(blob, 'leadline:kind', 'picture of depth');
}

/** @param {MessageEvent} event */
async function answer({ data }) {
  const { id, kind } = data;
  try {
    const result = await work(kind, data);
    const moved = [result?.depth, result?.uncertainty, result?.positions].map((array) => array?.buffer);
    self.postMessage({ id, result }, { transfer: [...moved, result?.bitmap].filter(Boolean) });
  } catch (error) {
    self.postMessage({ id, error: inWords(error) });
  }
}

/**
 * @param {string} kind
 * @param {any} data
 * @returns {Promise<any>}
 */
async function work(kind, data) {
  switch (kind) {
    case 'load':
      return load(data.config);
    case 'warm up':
      return warmUp();
    case 'shown':
      return keepFrom(data.number);
    case 'dropped':
      return void predictions.delete(data.number);
    case 'file':
      return file(data.request);
    case 'picture':
      return predictFile(data.blob, data.name, data.onServer);
    case 'frame':
      return predictBitmap(data.bitmap, { camera: null, note: '', onServer: null, isLive: data.isLive });
    default:
      return surface(data.about);
  }
}

/** @param {unknown} error */
function inWords(error) {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RangeError || /out of memory|bad_alloc|Array buffer alloc/i.test(message)) {
    return 'The memory of this browser is not enough for this picture; make it smaller.';
  }
  return message;
}

self.addEventListener('message', answer);
