/** Depth as colours over a range in metres, near warm or bright: as `leadline predict --color`. */

const SAMPLE = 1_000_000;
const INVALID = 0xff383838;

/**
 * The 2nd and the 98th percentile of the valid depths; 0 to 1 where there are none. A range
 * narrower than 1 % of the distance is widened to 10 %.
 * @param {Float32Array} depth
 * @param {number} sample of how many depths at most
 * @returns {[number, number]}
 */
export function robustRange(depth, sample = SAMPLE) {
  let count = 0;
  for (const value of depth) if (isDepth(value)) count++;
  if (count === 0) return [0, 1];
  const every = Math.max(1, Math.floor(count / sample));
  const values = new Float32Array(Math.ceil(count / every));
  let index = 0;
  for (const value of depth) {
    if (!isDepth(value)) continue;
    if (index % every === 0) values[index / every] = value;
    index++;
  }
  const ordered = new Ordered(values);
  const low = ordered.percentile(0.02);
  const high = ordered.percentile(0.98);
  const middle = low + (high - low) / 2;
  return high - low < 0.01 * middle ? [0.95 * middle, 1.05 * middle] : [low, high];
}

/** @param {number} value */
function isDepth(value) {
  return value > 0 && value < Infinity;
}

/**
 * Positive numbers, of which a few are wanted by their rank: counted by the upper half of their
 * bits, which rise with the number, so that only those that share it have to be sorted.
 */
class Ordered {
  /** @param {Float32Array<ArrayBuffer>} values */
  constructor(values) {
    this.values = values;
    this.bits = new Uint32Array(values.buffer);
    this.counts = new Uint32Array(1 << 16);
    for (const word of this.bits) this.counts[word >>> 16]++;
  }

  /** @param {number} rank */
  at(rank) {
    let upper = 0;
    while (rank >= this.counts[upper]) rank -= this.counts[upper++];
    const alike = new Float32Array(this.counts[upper]);
    for (let index = 0, to = 0; to < alike.length; index++) {
      if (this.bits[index] >>> 16 === upper) alike[to++] = this.values[index];
    }
    return alike.sort()[rank];
  }

  /** @param {number} share */
  percentile(share) {
    const place = share * (this.values.length - 1);
    const below = Math.floor(place);
    const low = this.at(below);
    const high = this.at(Math.min(below + 1, this.values.length - 1));
    return low + (high - low) * (place - below);
  }
}

/**
 * The 256 colours of a map, from its cold or dark end, as little-endian RGBA words.
 * @param {string} hex six digits for each colour
 */
export function colorTable(hex) {
  const table = new Uint32Array(256);
  for (let index = 0; index < 256; index++) {
    const value = parseInt(hex.slice(6 * index, 6 * index + 6), 16);
    table[index] = 0xff000000 | ((value & 255) << 16) | (value & 0xff00) | (value >> 16);
  }
  return table;
}

/**
 * Colour every `step`-th pixel of a depth map.
 * @param {Float32Array} depth
 * @param {number} width
 * @param {number} height
 * @param {Uint32Array} table
 * @param {[number, number]} range in the units of `depth`
 * @param {number} step
 */
export function colorize(depth, width, height, table, [low, high], step = 1) {
  const columns = Math.ceil(width / step);
  const rows = Math.ceil(height / step);
  const pixels = new Uint32Array(columns * rows);
  const perUnit = 255 / (high - low);
  for (let row = 0, at = 0; row < rows; row++) {
    let from = row * step * width;
    for (let column = 0; column < columns; column++, from += step) {
      const value = depth[from];
      if (!(value > 0 && value < Infinity)) {
        pixels[at++] = INVALID;
        continue;
      }
      const share = (value - low) * perUnit;
      pixels[at++] = table[255 - Math.round(share < 0 ? 0 : share > 255 ? 255 : share)];
    }
  }
  return new ImageData(new Uint8ClampedArray(pixels.buffer), columns, rows);
}

/**
 * A table as a CSS gradient, near (warm) at the bottom.
 * @param {Uint32Array} table
 */
export function cssGradient(table) {
  const stops = Array.from({ length: 33 }, (_, index) => {
    const word = table[Math.round((index / 32) * 255)];
    return `rgb(${word & 255} ${(word >> 8) & 255} ${(word >> 16) & 255})`;
  });
  return `linear-gradient(to bottom, ${stops.join(', ')})`;
}

/**
 * At most `most` increasing multiples of 1, 2 or 5 x 10^k in low..high.
 * @param {number} low
 * @param {number} high
 * @param {number} most
 */
export function roundTicks(low, high, most) {
  const step = 10 ** Math.floor(Math.log10((high - low) / most));
  for (const factor of [1, 2, 5, 10, 20]) {
    const first = Math.ceil(low / (factor * step) - 1e-6);
    const last = Math.floor(high / (factor * step) + 1e-6);
    if (last >= first && last - first + 1 <= most) {
      return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * factor * step);
    }
  }
  return [(low + high) / 2];
}

/**
 * Enough decimals to tell the ticks apart, one below 10 m.
 * @param {number[]} ticks
 */
export function tickLabels(ticks) {
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : ticks[0] || 1;
  const needed = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const decimals = ticks[ticks.length - 1] < 10 ? Math.max(1, needed) : needed;
  return ticks.map((tick) => `${tick.toFixed(decimals)} m`);
}
