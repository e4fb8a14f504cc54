/**
 * What the camera of a photograph means for its metres: the same arithmetic as `leadline predict`.
 *
 * Pixel centres lie at whole coordinates, so the middle of a picture is ((width - 1) / 2,
 * (height - 1) / 2). Focal lengths are in pixels unless their names end in mm.
 */

/** Diagonal of a 36 x 24 mm frame: the yardstick of 35 mm-equivalent focal lengths. */
const FULL_FRAME_DIAGONAL_MM = Math.hypot(36, 24);

/** 35 mm-equivalent focal lengths of real lenses, from fisheye to superzoom. */
const SHORTEST_MM = 5;
const LONGEST_MM = 3000;

/** Diagonals of sensors, from an endoscope's to a medium-format back's. */
const SMALLEST_SENSOR_MM = 2;
const LARGEST_SENSOR_MM = 100;

/** Sides of a resized picture are rounded; beyond this factor it was cropped. */
const SAME_ASPECT = 1.02;

/** Focal lengths that differ by less are equal. */
const SAME_LENS = 1e-3;

/** A picture so long and thin that the network would see more than this many times its pixels. */
const LARGEST_GROWTH = 4;

/**
 * A camera of square pixels whose axis meets the centre of the picture.
 * @param {number} focal
 * @param {number} width
 * @param {number} height
 * @returns {Intrinsics}
 */
function centred(focal, width, height) {
  return { fx: focal, fy: focal, cx: (width - 1) / 2, cy: (height - 1) / 2, width, height };
}

/**
 * The camera with a horizontal field of view of so many degrees.
 * @param {number} degrees
 * @param {number} width
 * @param {number} height
 */
export function cameraOfFov(degrees, width, height) {
  return centred(width / 2 / Math.tan((degrees * Math.PI) / 180 / 2), width, height);
}

/**
 * The horizontal field of view of a camera in degrees.
 * @param {Intrinsics} camera
 */
export function fovOfCamera(camera) {
  return (2 * Math.atan(camera.width / 2 / camera.fx) * 180) / Math.PI;
}

/**
 * The camera that an EXIF block describes, null where it does not say.
 * @param {Lens} lens
 * @param {number} width
 * @param {number} height
 * @returns {Intrinsics | null}
 * @throws {Error} in words, for values that no camera has or a picture that was cropped
 */
export function cameraOfLens(lens, width, height) {
  const equivalent = equivalentMm(lens, width, height);
  if (equivalent === null) return null;
  if (lens.recordedSize) checkWhole(lens.recordedSize, width, height);
  return centred((equivalent * Math.hypot(width, height)) / FULL_FRAME_DIAGONAL_MM, width, height);
}

/**
 * @param {Lens} lens
 * @param {number} width
 * @param {number} height
 */
function equivalentMm(lens, width, height) {
  let equivalent = lens.focal35mm;
  if (equivalent === null) {
    if (lens.focalMm === null || lens.pixelsPerMm === null) return null;
    const diagonal = Math.hypot(...(lens.recordedSize ?? [width, height])) / lens.pixelsPerMm;
    if (diagonal < SMALLEST_SENSOR_MM || diagonal > LARGEST_SENSOR_MM) {
      throw new Error(
        `The file describes a sensor of ${short(diagonal)} mm across, which no camera has, so its ` +
          'focal length is ignored.',
      );
    }
    equivalent = (lens.focalMm * FULL_FRAME_DIAGONAL_MM) / diagonal;
  }
  if (equivalent < SHORTEST_MM || equivalent > LONGEST_MM) {
    throw new Error(
      `The file gives a focal length of ${short(equivalent)} mm (35 mm equivalent), which no lens ` +
        'has, so it is ignored.',
    );
  }
  return equivalent;
}

/**
 * @param {[number, number]} recorded
 * @param {number} width
 * @param {number} height
 */
function checkWhole(recorded, width, height) {
  const was = Math.max(...recorded) / Math.min(...recorded);
  const now = Math.max(width, height) / Math.min(width, height);
  if (Math.max(was, now) > SAME_ASPECT * Math.min(was, now)) {
    throw new Error(
      `The picture was cropped from ${recorded[0]} x ${recorded[1]}, so the focal length in the ` +
        'file is ignored.',
    );
  }
}

/**
 * The camera that the metres of a model hold for.
 * @param {ModelConfig} config
 * @returns {TrainingCamera}
 */
export function trainingCamera(config) {
  return {
    focal: config.training_focal ?? null,
    area: config.training_area ?? 76800,
    stride: config.stride ?? 32,
  };
}

/**
 * What a camera does to a photograph; null stands for the training camera, where that is known.
 * @param {TrainingCamera} training
 * @param {number} width
 * @param {number} height
 * @param {Intrinsics | null} intrinsics
 * @param {CameraSource} source
 * @returns {PhotoCamera}
 */
export function resolveCamera(training, width, height, intrinsics, source) {
  const [h, w] = processingSize(height, width, training.area, training.stride);
  /** @param {Intrinsics} camera */
  const focalSeen = (camera) => camera.fx * Math.sqrt((h * w) / (camera.height * camera.width));
  if (intrinsics === null) {
    if (training.focal === null) {
      return { intrinsics: null, source: 'unknown', use: 'no training camera', scale: 1 };
    }
    intrinsics = centred(training.focal / focalSeen(centred(1, width, height)), width, height);
    source = 'assumed';
  }
  if (training.focal === null) return { intrinsics, source, use: 'no training camera', scale: 1 };
  const ratio = focalSeen(intrinsics) / training.focal;
  const scale = Math.abs(ratio - 1) < SAME_LENS ? 1 : ratio;
  return { intrinsics, source, use: 'used', scale };
}

/**
 * The size, [h, w], at which the network sees a picture; float32, step by step, as in its graph.
 * @param {number} height
 * @param {number} width
 * @param {number} area
 * @param {number} stride
 * @returns {[number, number]}
 * @throws {Error} in words, for a picture that is too long and thin
 */
export function processingSize(height, width, area, stride) {
  const f = Math.fround;
  const grow = f(Math.sqrt(f(f(f(height) * f(width)) / f(area))));
  /** @param {number} side */
  const steps = (side) => Math.max(1, roundToEven(f(f(f(side) / grow) / f(stride))));
  const size = /** @type {[number, number]} */ ([steps(height) * stride, steps(width) * stride]);
  if (size[0] * size[1] > Math.max(LARGEST_GROWTH * area, stride * stride)) {
    throw new Error(`This picture of ${width} x ${height} pixels is too long and thin; crop it.`);
  }
  return size;
}

/** @param {number} value */
function roundToEven(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * The point of a pixel in metres: x right, y down, z forward.
 * @param {Intrinsics} camera
 * @param {number} x
 * @param {number} y
 * @param {number} z
 * @returns {[number, number, number]}
 */
export function pointOfPixel(camera, x, y, z) {
  return [((x - camera.cx) / camera.fx) * z, ((y - camera.cy) / camera.fy) * z, z];
}

/** @param {number} value */
function short(value) {
  return String(Number(value.toPrecision(3)));
}
