/** The picture over its depth: the divider, the point that is read, and two marks to measure. */

import { pointOfPixel } from './camera.js';

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @typedef {{x: number, y: number}} Pixel
 * @typedef {object} Scene
 * @property {number} width
 * @property {number} height
 * @property {(x: number, y: number) => number} metresAt
 * @property {(x: number, y: number) => number | null} reachAt the factor by which eight of ten true
 *   distances differ at most, null for a model that does not say it
 * @property {Intrinsics | null} camera
 */

/** What is read off the sky. */
const NO_DEPTH = 'no depth';

/** @param {number} metres */
export function inMetres(metres) {
  return `${metres.toFixed(2)} m`;
}

export class Stage {
  /**
   * @param {Record<string, any>} parts
   * @param {(reading: Reading) => void} onReading
   *
   * @typedef {object} Reading
   * @property {string} here
   * @property {string} doubt
   * @property {string} distance
   * @property {boolean} hasMarks
   * @property {string} spoken
   */
  constructor(parts, onReading) {
    this.parts = parts;
    this.onReading = onReading;
    /** @type {Scene | null} */
    this.scene = null;
    /** @type {Pixel | null} */
    this.cursor = null;
    /** @type {Pixel[]} */
    this.marks = [];
    this.listen();
  }

  listen() {
    const { frame, divider, mix } = this.parts;
    frame.addEventListener('pointermove', (/** @type {PointerEvent} */ event) => {
      if (!divider.hasPointerCapture(event.pointerId)) this.moveTo(this.pixelAt(event));
    });
    frame.addEventListener('pointerleave', (/** @type {PointerEvent} */ event) => {
      if (event.pointerType === 'mouse') this.moveTo(null); // what a finger touched stays read
    });
    frame.addEventListener('click', (/** @type {PointerEvent} */ event) => {
      if (!divider.contains(event.target)) this.mark(this.pixelAt(event));
    });
    frame.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
      if (this.press(event)) event.preventDefault();
    });
    divider.addEventListener('pointerdown', (/** @type {PointerEvent} */ event) => {
      divider.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    divider.addEventListener('pointermove', (/** @type {PointerEvent} */ event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const box = frame.getBoundingClientRect();
      this.setMix(((event.clientX - box.left) / box.width) * 100);
    });
    mix.addEventListener('input', () => this.setMix(100 - mix.valueAsNumber));
    new ResizeObserver(() => this.draw()).observe(frame);
  }

  /** @param {number} percent of the width that shows the photograph */
  setMix(percent) {
    const share = Math.min(100, Math.max(0, percent));
    this.parts.frame.style.setProperty('--mix', `${share}%`);
    this.parts.mix.value = String(Math.round(100 - share));
  }

  /**
   * Show another picture, or the same one through another lens.
   * @param {Scene | null} scene
   * @param {boolean} keepMarks
   */
  setScene(scene, keepMarks) {
    const before = this.scene;
    this.scene = scene;
    if (!keepMarks || !scene || !before) {
      this.marks = [];
      this.cursor = null;
    } else if (before.width !== scene.width || before.height !== scene.height) {
      /** The same place of the same picture at another size. @param {Pixel} pixel */
      const moved = ({ x, y }) => ({
        x: Math.floor(((x + 0.5) * scene.width) / before.width),
        y: Math.floor(((y + 0.5) * scene.height) / before.height),
      });
      this.marks = this.marks.map(moved);
      this.cursor = this.cursor && moved(this.cursor);
    }
    this.draw();
    this.tell('');
  }

  clear() {
    this.marks = [];
    this.draw();
    this.tell('Marks cleared');
  }

  /** @param {PointerEvent} event @returns {Pixel | null} */
  pixelAt(event) {
    if (!this.scene) return null;
    const box = this.parts.frame.getBoundingClientRect();
    const { width, height } = this.scene;
    const x = Math.floor(((event.clientX - box.left) / box.width) * width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * height);
    return { x: clamp(x, 0, width - 1), y: clamp(y, 0, height - 1) };
  }

  /** @param {Pixel | null} pixel */
  moveTo(pixel) {
    this.cursor = pixel;
    this.draw();
    this.tell('');
  }

  /** @param {Pixel | null} pixel */
  mark(pixel) {
    if (!pixel || !this.scene) return;
    this.marks = this.marks.length < 2 ? [...this.marks, pixel] : [pixel];
    this.cursor = pixel;
    this.draw();
    this.tell(this.marks.length === 2 ? this.distanceInWords() : 'First mark set');
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (!this.scene) return false;
    const { width, height } = this.scene;
    const step = Math.max(1, Math.round(width / (event.shiftKey ? 12 : 80)));
    const at = this.cursor ?? { x: width >> 1, y: height >> 1 };
    /** @type {Record<string, [number, number]>} */
    const moves = {
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, -step],
      ArrowDown: [0, step],
    };
    const move = moves[event.key];
    if (move) {
      const [dx, dy] = move;
      this.cursor = { x: clamp(at.x + dx, 0, width - 1), y: clamp(at.y + dy, 0, height - 1) };
      this.draw();
      this.tell(this.hereInWords());
    } else if (event.key === 'Enter' || event.key === ' ') this.mark(at);
    else if (event.key === 'Escape') this.clear();
    else return false;
    return true;
  }

  hereInWords() {
    if (!this.scene || !this.cursor) return '–';
    const { x, y } = this.cursor;
    const metres = this.scene.metresAt(x, y);
    return metres > 0 ? inMetres(metres) : NO_DEPTH;
  }

  /** Where eight of ten true distances lie, for a model that states its uncertainty. */
  doubtInWords() {
    if (!this.scene || !this.cursor) return '–';
    const { x, y } = this.cursor;
    const reach = this.scene.reachAt(x, y);
    const metres = this.scene.metresAt(x, y);
    if (reach === null || !(metres > 0)) return '–';
    return `${(metres / reach).toFixed(2)} – ${inMetres(metres * reach)}`;
  }

  distanceInWords() {
    const { scene, marks } = this;
    if (!scene || marks.length < 2) return marks.length ? 'click the second point' : 'click two points';
    const { camera } = scene;
    if (!camera) return 'needs a field of view';
    const depths = marks.map(({ x, y }) => scene.metresAt(x, y));
    if (!depths.every((metres) => metres > 0)) return 'one of the points has no depth';
    const [a, b] = marks.map(({ x, y }, index) => pointOfPixel(camera, x, y, depths[index]));
    return inMetres(Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]));
  }

  /** @param {string} spoken */
  tell(spoken) {
    this.onReading({
      here: this.hereInWords(),
      doubt: this.doubtInWords(),
      distance: this.distanceInWords(),
      hasMarks: this.marks.length > 0,
      spoken,
    });
  }

  draw() {
    const { overlay, chip, frame } = this.parts;
    overlay.replaceChildren();
    chip.hidden = !this.cursor || !this.scene;
    if (!this.scene) return;
    const { clientWidth: wide, clientHeight: high } = frame;
    const { width, height } = this.scene;
    overlay.setAttribute('viewBox', `0 0 ${wide} ${high}`);
    /** @param {Pixel} pixel @returns {[number, number]} */
    const place = ({ x, y }) => [((x + 0.5) / width) * wide, ((y + 0.5) / height) * high];
    const marks = this.marks.map(place);
    if (marks.length === 2) {
      const [[x1, y1], [x2, y2]] = marks;
      overlay.append(shape('line', { x1, y1, x2, y2 }));
      const label = shape('text', {
        x: clamp((x1 + x2) / 2, 40, wide - 40),
        y: clamp((y1 + y2) / 2 - 8, 16, high - 6),
      });
      label.textContent = this.distanceInWords();
      overlay.append(label);
    }
    for (const [cx, cy] of marks) overlay.append(shape('circle', { cx, cy, r: 6 }));
    if (!this.cursor) return;
    const [x, y] = place(this.cursor);
    overlay.append(shape('path', { d: `M${x - 9} ${y}h18M${x} ${y - 9}v18` }));
    chip.textContent = this.hereInWords();
    chip.style.left = `${clamp(x + 14, 4, wide - chip.offsetWidth - 4)}px`;
    chip.style.top = `${clamp(y - 40, 4, high - 34)}px`;
  }
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}
