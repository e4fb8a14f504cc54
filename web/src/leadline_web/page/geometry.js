/**
 * A depth map as points and as a surface, cut where depth jumps: the rules of `leadline predict
 * --ply` and `--mesh`. Positions are metres in viewers' axes: x right, y up, z towards the viewer.
 */

const HALF_WINDOW = 6;
/** A step of 1 / depth beyond the surface's own, as a part of the smaller of the two. */
const THRESHOLD = 0.05;

/**
 * 1 / depth, NaN where invalid, of every `step`-th pixel: linear in the pixel on a plane.
 * @param {Float32Array} depth
 * @param {number} width
 * @param {number} height
 * @param {number} step
 * @returns {Grid}
 */
function reciprocalOf(depth, width, height, step) {
  const columns = Math.ceil(width / step);
  const rows = Math.ceil(height / step);
  const values = new Float32Array(columns * rows);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at++) {
      const value = depth[row * step * width + column * step];
      values[at] = value > 0 && value < Infinity ? 1 / value : NaN;
    }
  }
  return { values, columns, rows };
}

/**
 * The sign of each step to the next pixel along lines that no slanted plane explains, else 0. The
 * median step of the thirteen around is the plane's part. A step stands where it begins.
 * @param {Grid} grid
 * @param {boolean} isDown along columns instead of rows
 */
function unexplainedSteps({ values, columns, rows }, isDown) {
  const next = isDown ? columns : 1;
  const length = isDown ? rows : columns;
  const direction = new Int8Array(values.length);
  const f = Math.fround;
  const threshold = f(THRESHOLD);
  for (let line = 0; line < values.length / length; line++) {
    const start = isDown ? line : line * columns;
    for (let index = 0; index < length - 1; index++) {
      const at = start + index * next;
      const step = f(values[at + next] - values[at]);
      const allowed = f(threshold * Math.min(values[at], values[at + next]));
      if (!(Math.abs(step) > allowed)) continue;
      const residual = f(step - medianStep(values, start, next, length - 1, index));
      if (Math.abs(residual) > allowed) direction[at] = Math.sign(residual);
    }
  }
  return direction;
}

const around = new Float32Array(2 * HALF_WINDOW + 1);

/**
 * @param {Float32Array} values
 * @param {number} start
 * @param {number} next
 * @param {number} steps
 * @param {number} middle
 */
function medianStep(values, start, next, steps, middle) {
  let count = 0;
  const last = Math.min(middle + HALF_WINDOW, steps - 1);
  for (let index = Math.max(0, middle - HALF_WINDOW); index <= last; index++) {
    const at = start + index * next;
    const step = Math.fround(values[at + next] - values[at]);
    if (!Number.isNaN(step)) around[count++] = step;
  }
  const known = around.subarray(0, count).sort();
  const half = count >> 1;
  return count % 2 ? known[half] : Math.fround((known[half - 1] + known[half]) / 2);
}

/**
 * 1 where a pixel floats between the two sides of a depth edge.
 * @param {Grid} grid
 */
function flyingPixels(grid) {
  const flying = new Uint8Array(grid.values.length);
  for (const isDown of [false, true]) {
    const direction = unexplainedSteps(grid, isDown);
    const next = isDown ? grid.columns : 1;
    for (let at = next; at < direction.length; at++) {
      if (!isDown && at % grid.columns === 0) continue;
      if (direction[at] !== 0 && direction[at] === direction[at - next]) flying[at] = 1;
    }
  }
  return flying;
}

/**
 * Every valid pixel as a point, flying pixels left out.
 * @param {Float32Array} depth in metres
 * @param {Intrinsics} camera of this size
 * @param {Uint8ClampedArray} rgba of this size
 */
export function makePoints(depth, camera, rgba) {
  const { width, height } = camera;
  const grid = reciprocalOf(depth, width, height, 1);
  const flying = flyingPixels(grid);
  const kept = (/** @type {number} */ at) => !flying[at] && !Number.isNaN(grid.values[at]);
  let count = 0;
  for (let at = 0; at < depth.length; at++) if (kept(at)) count++;
  const positions = new Float32Array(3 * count);
  const colors = new Uint8Array(3 * count);
  for (let at = 0, point = 0; at < depth.length; at++) {
    if (!kept(at)) continue;
    place(positions, 3 * point, camera, at % width, Math.floor(at / width), depth[at]);
    for (let channel = 0; channel < 3; channel++) {
      colors[3 * point + channel] = rgba[4 * at + channel];
    }
    point++;
  }
  return { positions, colors };
}

/**
 * Two triangles for every four neighbouring pixels that are one surface.
 * @param {Float32Array} depth in metres
 * @param {Intrinsics} camera of this size
 * @param {number} most vertices, about; of larger pictures every second pixel, or third, ... is one
 * @returns {Surface}
 */
export function makeSurface(depth, camera, most) {
  const { width, height } = camera;
  const step = Math.ceil(Math.sqrt(Math.max(1, (width * height) / most)));
  const grid = reciprocalOf(depth, width, height, step);
  const { columns, rows } = grid;
  const triangles = joinCells(grid);
  const numbers = new Int32Array(columns * rows).fill(-1);
  let count = 0;
  for (const corner of triangles) if (numbers[corner] < 0) numbers[corner] = 0;
  for (let at = 0; at < numbers.length; at++) if (numbers[at] === 0) numbers[at] = count++;
  const positions = new Float32Array(3 * count);
  const uv = new Float32Array(2 * count);
  for (let at = 0; at < numbers.length; at++) {
    const vertex = numbers[at];
    if (vertex < 0) continue;
    const x = (at % columns) * step;
    const y = Math.floor(at / columns) * step;
    place(positions, 3 * vertex, camera, x, y, depth[y * width + x]);
    uv[2 * vertex] = (x + 0.5) / width;
    uv[2 * vertex + 1] = (y + 0.5) / height;
  }
  for (let index = 0; index < triangles.length; index++) triangles[index] = numbers[triangles[index]];
  return { positions, uv, triangles };
}

/**
 * Triangles, as indices of the grid, counter-clockwise as the camera sees them.
 * @param {Grid} grid
 */
function joinCells(grid) {
  const { values, columns, rows } = grid;
  const across = unexplainedSteps(grid, false);
  const down = unexplainedSteps(grid, true);
  const triangles = new Uint32Array(6 * Math.max(0, columns - 1) * Math.max(0, rows - 1));
  let used = 0;
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const at = row * columns + column;
      const below = at + columns;
      const isCut = across[at] || across[below] || down[at] || down[at + 1];
      if (isCut || Number.isNaN(values[at] + values[at + 1] + values[below] + values[below + 1])) {
        continue;
      }
      triangles[used++] = at;
      triangles[used++] = below;
      triangles[used++] = at + 1;
      triangles[used++] = at + 1;
      triangles[used++] = below;
      triangles[used++] = below + 1;
    }
  }
  return triangles.subarray(0, used);
}

/**
 * @param {Float32Array} positions
 * @param {number} at
 * @param {Intrinsics} camera
 * @param {number} x
 * @param {number} y
 * @param {number} z
 */
function place(positions, at, camera, x, y, z) {
  positions[at] = ((x - camera.cx) / camera.fx) * z;
  positions[at + 1] = (-(y - camera.cy) / camera.fy) * z;
  positions[at + 2] = -z;
}
