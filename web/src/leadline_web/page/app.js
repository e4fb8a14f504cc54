/** The page: what a person does, to what is shown. */

import { cameraOfFov, fovOfCamera, resolveCamera, trainingCamera } from './camera.js';
import { colorTable, colorize, cssGradient, roundTicks, tickLabels } from './colors.js';
import { Engine } from './engine.js';
import { inMetres, Stage } from './stage.js';
import { Webcam } from './webcam.js';

/** The depth canvas holds about so many pixels; readings and files have all. */
const SHOWN_PIXELS = 1_500_000;
const FEW = 1e-9;
/** Runs of the network ahead of the first photograph, while none comes: see `warmUp`. */
const WARM_UP_RUNS = 4;
/** What a picture of the camera is called. */
const CAMERA = 'camera';

/** @param {string} id @returns {any} */
const $ = (id) => document.getElementById(id);

/** @type {PageConfig} */
let config;
/** @type {Answer | null} */
let answer = null;
/** @type {PhotoCamera} */
let camera;
let name = 'picture';
let view = 'depth';
let isReady = false;
/** The field of view that the person set, in degrees. @type {number | null} */
let declaredFov = null;
/** @type {import('./viewer.js').Viewer | null} */
let viewer = null;
/** Pictures that came before the model was there, or while another one was at work. */
/** @type {{blob: Blob, name: string} | null} */
let waiting = null;
let isBusy = false;
/** The last picture of the running camera that was shown. @type {Answer | null} */
let live = null;
/** Settled when the picture that was taken of the camera is there at its own size. */
let keeping = Promise.resolve();

const engine = new Engine(showProgress);
const stage = new Stage(
  {
    frame: $('frame'),
    divider: $('divider'),
    mix: $('mix'),
    overlay: $('overlay'),
    chip: $('chip'),
  },
  ({ here, doubt, distance, hasMarks, spoken }) => {
    $('here').textContent = here;
    $('doubt').textContent = doubt;
    $('distance').textContent = distance;
    $('clear').disabled = !hasMarks;
    if (spoken) $('spoken').textContent = spoken;
  },
);
const webcam = new Webcam($('video'), {
  predict: (frame) => engine.predictFrame(frame, true),
  show: showLive,
  drop: (found) => engine.drop(found),
  tell: (rate) => {
    $('rate').textContent = `${rate.toFixed(1)} frames/s`;
  },
});

async function start() {
  document.body.classList.add('started');
  listen();
  try {
    config = await readConfig();
    const asked = Number(new URLSearchParams(location.search).get('threads'));
    if (asked >= 1) config.threads = Math.min(16, Math.floor(asked));
    describe();
    const { threads, outputs } = await engine.load(config);
    for (const part of document.querySelectorAll('.doubt')) {
      const isStated = outputs.includes('uncertainty') && config.model.interval_factors?.['80'];
      /** @type {HTMLElement} */ (part).hidden = !isStated;
    }
    isReady = true;
    document.documentElement.dataset.ready = String(Math.round(performance.now()));
    $('loading').hidden = true;
    describe(threads);
    if (waiting) await predictWaiting();
    else await warmUp();
    await prepareSpace();
    document.documentElement.dataset.warm = '1';
  } catch (error) {
    $('loading').hidden = true;
    showError(error);
  }
}

/** @returns {Promise<PageConfig>} */
async function readConfig() {
  const response = await fetch('config.json');
  if (!response.ok) throw new Error(`config.json could not be loaded (status ${response.status}).`);
  return response.json();
}

/** @param {number} threads */
function describe(threads = 0) {
  $('about').replaceChildren(...config.about.map((text) => element('p', text)));
  const speed = threads ? `, ${threads} thread${threads > 1 ? 's' : ''}` : '';
  $('facts').textContent = `Model ${config.name}, Leadline ${config.version}${speed}.`;
  $('map').replaceChildren(...Object.keys(config.colors).map((map) => element('option', map)));
  $('where').hidden = !config.server;
}

/**
 * @param {string} tag
 * @param {string} text
 */
function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

/** @param {number} loaded bytes */
function showProgress(loaded) {
  const total = Math.max(loaded, config?.bytes ?? 0);
  $('progress').value = loaded / total;
  const millions = (/** @type {number} */ bytes) => (bytes / 1e6).toFixed(1);
  $('progress-text').textContent =
    loaded < total
      ? `Loading the model: ${millions(loaded)} of ${millions(total)} MB`
      : 'Starting the model';
}

/** @param {unknown} error */
function showError(error) {
  $('error').textContent = error instanceof Error ? error.message : String(error);
  $('error').hidden = false;
  $('status').hidden = true;
}

/** @param {string} text */
function showStatus(text) {
  $('status').textContent = text;
  $('status').hidden = !text;
}

/**
 * Predict a picture file, now or as soon as the model is there.
 * @param {Blob} blob
 * @param {string} called
 */
async function open(blob, called) {
  webcam.stop();
  setLive(false);
  $('error').hidden = true;
  waiting = { blob, name: called };
  if (isReady) await predictWaiting();
  else showStatus('The picture is here; the model is still loading.');
}

async function predictWaiting() {
  if (isBusy) return;
  isBusy = true;
  while (waiting) {
    const { blob, name: called } = waiting;
    waiting = null;
    try {
      await predictPicture(blob, called);
    } catch (error) {
      showPictureError(error, called);
    }
  }
  isBusy = false;
  showStatus('');
}

/**
 * @param {Blob} blob
 * @param {string} called
 */
async function predictPicture(blob, called) {
  showStatus(`Reading ${called}`);
  const onServer = $('where').querySelector('[value=server]').checked;
  const found = await engine.predictFile(blob, called, onServer);
  name = called;
  declaredFov = null;
  showAnswer(found, false);
  const unlike = $('unlike').hidden ? '' : $('unlike').textContent;
  $('spoken').textContent = `Depth of ${called} is ready. ${rangeInWords()} ${unlike}`.trim();
}

/**
 * The next picture may be shown below the words already: they say which one they are about.
 * @param {unknown} error
 * @param {string} called
 */
function showPictureError(error, called) {
  const words = error instanceof Error ? error.message : String(error);
  showError(new Error(words.includes(called) ? words : `${called}: ${words}`));
}

/**
 * @param {Answer} found
 * @param {boolean} isSameScene whether marks and the view in space stay
 */
function showAnswer(found, isSameScene) {
  const { width, height } = found;
  answer?.bitmap.close();
  answer = found;
  engine.keep(found);
  $('welcome').hidden = true;
  $('result').hidden = false;
  $('panel').hidden = false;
  $('frame').style.setProperty('--ratio', String(width / height));
  const shrink = Math.min(1, Math.sqrt(SHOWN_PIXELS / (found.bitmap.width * found.bitmap.height)));
  $('photo').width = Math.round(found.bitmap.width * shrink);
  $('photo').height = Math.round(found.bitmap.height * shrink);
  $('photo').getContext('2d').drawImage(found.bitmap, 0, 0, $('photo').width, $('photo').height);
  $('unlike').hidden = !(found.novelty !== null && found.novelty > 1);
  applyCamera(isSameScene);
  document.documentElement.dataset.shown = String(Math.round(performance.now()));
}

/**
 * The metres follow from the network's depth and the lens.
 * @param {boolean} isSameScene
 */
function applyCamera(isSameScene) {
  if (!answer) return;
  const { width, height, depth, uncertainty } = answer;
  const given = declaredFov === null ? answer.camera : cameraOfFov(declaredFov, width, height);
  const source = declaredFov === null ? 'exif' : 'declared';
  camera = resolveCamera(trainingCamera(config.model), width, height, given, source);
  const factor = Math.fround(camera.scale);
  const quantile = config.model.interval_factors?.['80'];
  stage.setScene(
    {
      width,
      height,
      camera: camera.intrinsics,
      metresAt: (x, y) => Math.fround(depth[y * width + x] * factor),
      reachAt: (x, y) => (quantile && uncertainty ? Math.exp(quantile * uncertainty[y * width + x]) : null),
    },
    isSameScene,
  );
  showLens();
  showColors();
  if (view !== 'depth') void showSpace(isSameScene);
}

function showLens() {
  const { intrinsics, source, use, scale } = camera;
  const place = name === CAMERA ? 'camera' : 'file';
  const sources = {
    exif: 'From the lens that the file names.',
    declared: 'As you set it.',
    assumed: `The ${place} names no lens: taken to be the camera the model learnt with.`,
    unknown: `Neither the ${place} nor the model says it; 3-D and distances need it.`,
  };
  const factor = scale === 1 ? '' : ` Metres × ${scale.toFixed(3)}.`;
  const effect = use === 'used' ? factor : ' Metres do not follow it.';
  $('lens').textContent = `${sources[source]}${effect} ${answer?.note ?? ''}`.trim();
  const degrees = intrinsics ? fovOfCamera(intrinsics) : 60;
  if (declaredFov === null) $('fov-number').value = degrees.toFixed(1);
  $('fov').value = String(degrees);
  $('fov-reset').hidden = declaredFov === null;
}

/** @returns {[number, number]} in metres */
function colorRange() {
  if (!answer) return [0, 1];
  const { scale } = camera;
  const auto = /** @type {[number, number]} */ (answer.range.map((end) => end * scale));
  if ($('auto-range').checked) return auto;
  const near = $('near').valueAsNumber;
  const far = $('far').valueAsNumber;
  return near >= 0 && far > near + FEW ? [near, far] : auto;
}

function showColors() {
  if (!answer) return;
  const { width, height, depth } = answer;
  const [near, far] = colorRange();
  if ($('auto-range').checked) {
    $('near').value = near.toFixed(2);
    $('far').value = far.toFixed(2);
  }
  const table = colorTable(config.colors[$('map').value]);
  const step = Math.ceil(Math.sqrt((width * height) / SHOWN_PIXELS));
  const inNetwork = /** @type {[number, number]} */ ([near / camera.scale, far / camera.scale]);
  const picture = colorize(depth, width, height, table, inNetwork, step);
  $('depth').width = picture.width;
  $('depth').height = picture.height;
  $('depth').getContext('2d').putImageData(picture, 0, 0);
  $('bar').style.background = cssGradient(table);
  const ticks = roundTicks(near, far, 8);
  const labels = tickLabels(ticks);
  $('ticks').replaceChildren(
    ...ticks.map((tick, index) => {
      const item = element('li', labels[index]);
      item.style.top = `${((far - tick) / (far - near)) * 100}%`;
      return item;
    }),
  );
  $('frame').setAttribute('aria-label', `Depth map. ${rangeInWords()}`);
}

function rangeInWords() {
  const [near, far] = colorRange();
  return `Most of it is between ${inMetres(near)} and ${inMetres(far)} away.`;
}

/**
 * The browser makes fast code of what has run a few times, beside what runs: better before the first
 * photograph, and its 3-D, than with them. Run by run, so that a photograph waits for one at most.
 */
async function warmUp() {
  for (let run = 0; run < WARM_UP_RUNS && !isBusy; run++) await engine.warmUp();
}

/** So that the first look at 3-D need not wait for scripts and shaders. */
async function prepareSpace() {
  try {
    if (!viewer) (await spaceViewer()).prepare();
  } catch {
    // Who asks for 3-D is told; nothing else needs it.
  }
}

/** The view in space; its scripts are loaded when it is first wanted. */
async function spaceViewer() {
  if (viewer) return viewer; // an import takes 50 ms also where it is done
  const { Viewer } = await import('./viewer.js').catch((cause) => {
    throw new Error('The part of this page that shows 3-D could not be loaded; reload the page.', { cause });
  });
  try {
    return (viewer ??= new Viewer($('space')));
  } catch (cause) {
    throw new Error('3-D needs WebGL, which this browser does not give; all else goes on.', { cause });
  }
}

/** @param {boolean} keepView */
async function showSpace(keepView) {
  if (!answer) return;
  try {
    if (!camera.intrinsics) throw new Error('3-D needs a field of view; set it under Lens.');
    const asked = answer;
    const started = performance.now();
    const { intrinsics, scale } = camera;
    const [surface, shown] = await Promise.all([
      engine.makeSurface(asked.number, scale, intrinsics),
      spaceViewer(),
    ]);
    if (asked !== answer) return;
    await shown.show(surface, asked.bitmap, intrinsics, keepView);
    document.documentElement.dataset.space = String(Math.round(performance.now() - started));
  } catch (error) {
    showError(error);
  }
}

/** @param {string} chosen */
async function setView(chosen) {
  const wasSpace = view !== 'depth';
  view = chosen;
  const isSpace = view !== 'depth';
  for (const id of ['frame', 'scale', 'mix-label']) $(id).hidden = isSpace;
  $('reset-view').hidden = !isSpace;
  $('space').inert = !isSpace; // it keeps its size, so that its first drawing waits for no memory
  if (!isSpace) return;
  if (!wasSpace) await showSpace(false);
  viewer?.setSurface(view === 'surface');
}

/** @param {boolean} isLive */
function setLive(isLive) {
  $('live').hidden = !isLive;
  $('camera-next').hidden = isLive;
  $('camera-start').disabled = isLive; // it stays in sight until the first picture
}

async function startCamera() {
  $('error').hidden = true;
  if (!isReady) return showError(new Error('The model is still loading; try again in a moment.'));
  try {
    setLive(true);
    $('rate').textContent = '0 frames/s'; // not that of the last time
    await webcam.start();
  } catch (error) {
    webcam.stop();
    setLive(false);
    showError(error);
  }
}

/**
 * What is shown before the first picture of the camera keeps its name and its lens.
 * @param {Answer} found
 * @param {boolean} isSameScene
 */
function showLive(found, isSameScene) {
  name = CAMERA;
  if (!isSameScene) declaredFov = null;
  live = found;
  showAnswer(found, isSameScene);
}

/** Keep the frame that is shown, predicted at its own size. */
async function freeze() {
  webcam.stop();
  setLive(false);
  if (!answer || answer !== live) return; // the camera has given none yet
  const shown = answer;
  try {
    const found = await engine.predictFrame(await createImageBitmap(shown.bitmap), false);
    if (answer !== shown) return engine.drop(found); // another picture came meanwhile
    showAnswer(found, true);
    $('spoken').textContent = `Picture taken. ${rangeInWords()}`;
  } catch (error) {
    showError(error);
  }
}

async function openExample() {
  try {
    const response = await fetch('example.jpg');
    if (!response.ok) throw new Error(`status ${response.status}`);
    await open(await response.blob(), 'example.jpg');
  } catch (error) {
    const reason = /** @type {Error} */ (error).message;
    showError(new Error(`The example could not be loaded (${reason}); choose a picture of yours.`));
  }
}

/** @param {FileFormat} format */
async function save(format) {
  if (webcam.stream && answer === live) keeping = freeze();
  await keeping;
  if (!answer) return;
  const endings = { png16: '.png', npy: '.npy', ply: '.ply', glb: '_mesh.glb', color: '_color.png' };
  const target = `${name.replace(/\.[^.]*$/, '') || 'picture'}${endings[format]}`;
  const { intrinsics, source, use, scale } = camera;
  const provenance = {
    model: config.name,
    runtime: 'onnxruntime-web',
    camera: source,
    camera_use: use,
    camera_scale: String(Number(scale.toPrecision(6))),
    source: name,
  };
  try {
    $('saved').textContent = `Writing ${target}`;
    const { blob, tooFar } = await engine.makeFile({
      number: answer.number,
      format,
      scale,
      facts: { intrinsics, provenance },
      colors: { map: $('map').value, range: colorRange() },
    });
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = target;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    const clamped = tooFar ? ` ${tooFar} pixels beyond 65.5 m are stored as 65.5 m.` : '';
    $('saved').textContent = `${target} written.${clamped}`;
  } catch (error) {
    $('saved').textContent = '';
    showError(error);
  }
}

/** @param {number} degrees */
function setFov(degrees) {
  if (!(degrees >= 1 && degrees <= 179)) return;
  declaredFov = degrees;
  applyCamera(true);
}

function listen() {
  for (const id of ['pick', 'pick-next']) on(id, 'click', () => $('file').click());
  for (const id of ['camera-start', 'camera-next']) on(id, 'click', startCamera);
  on('file', 'change', () => {
    const [file] = $('file').files;
    $('file').value = ''; // so that the same file can be chosen again
    if (file) void open(file, file.name);
  });
  on('example', 'click', openExample);
  on('freeze', 'click', () => {
    keeping = freeze();
  });
  on('clear', 'click', () => stage.clear());
  on('auto-range', 'change', showColors);
  on('map', 'change', showColors);
  for (const id of ['near', 'far']) {
    on(id, 'input', () => {
      $('auto-range').checked = false;
      showColors();
    });
  }
  on('fov', 'input', () => {
    $('fov-number').value = $('fov').value;
    setFov($('fov').valueAsNumber);
  });
  on('fov-number', 'input', () => setFov($('fov-number').valueAsNumber));
  on('fov-reset', 'click', () => {
    declaredFov = null;
    applyCamera(true);
  });
  on('reset-view', 'click', () => viewer?.resetView());
  on('space', 'keydown', (event) => {
    if (viewer?.press(event.key)) event.preventDefault();
  });
  for (const input of document.querySelectorAll('[name=view]')) {
    input.addEventListener('change', () => void setView(/** @type {any} */ (input).value));
  }
  for (const button of document.querySelectorAll('[data-format]')) {
    const { format } = /** @type {HTMLElement} */ (button).dataset;
    button.addEventListener('click', () => void save(/** @type {FileFormat} */ (format)));
  }
  listenToDrops();
}

function listenToDrops() {
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    $('drop').hidden = false;
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) $('drop').hidden = true;
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    $('drop').hidden = true;
    takeFrom(event.dataTransfer);
  });
  document.addEventListener('paste', (event) => {
    if (event.clipboardData?.files.length) takeFrom(event.clipboardData);
  });
}

/** @param {DataTransfer | null} transfer */
function takeFrom(transfer) {
  const file = transfer?.files[0];
  if (file) void open(file, file.name || 'pasted picture');
  else showError(new Error('That was no file; drop a picture from a folder.'));
}

/**
 * @param {string} id
 * @param {string} kind
 * @param {(event: any) => unknown} action
 */
function on(id, kind, action) {
  $(id).addEventListener(kind, action);
}

void start();
