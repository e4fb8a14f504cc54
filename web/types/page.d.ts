/** Shapes of the data that the page's scripts pass to each other. */

interface Intrinsics {
  fx: number;
  fy: number;
  cx: number;
  cy: number;
  width: number;
  height: number;
}

interface Lens {
  focal35mm: number | null;
  focalMm: number | null;
  pixelsPerMm: number | null;
  recordedSize: [number, number] | null;
}

type CameraSource = 'declared' | 'exif' | 'assumed' | 'unknown';

interface PhotoCamera {
  intrinsics: Intrinsics | null;
  source: CameraSource;
  use: 'used' | 'no training camera';
  scale: number;
}

interface TrainingCamera {
  focal: number | null;
  area: number;
  stride: number;
}

/** The part of a model's config.json that the page reads. */
interface ModelConfig {
  training_focal?: number | null;
  training_area?: number;
  stride?: number;
  max_depth?: number;
  /** By which multiple of an uncertainty a percentage of true depths differs at most. */
  interval_factors?: Record<string, number>;
  input_channels?: 'rgb' | 'bgr';
}

/** config.json beside the page. */
interface PageConfig {
  name: string;
  version: string;
  model: ModelConfig;
  about: string[];
  bytes: number;
  colors: Record<string, string>;
  server: { depth: string } | null;
  /** What the address of the page asks for, ?threads=1. */
  threads?: number;
}

interface Loaded {
  threads: number;
  outputs: string[];
}

interface Size {
  width: number;
  height: number;
}

interface Predicted {
  depth: Float32Array<ArrayBuffer>;
  rgba: Uint8ClampedArray<ArrayBuffer>;
  width: number;
  height: number;
}

/** `depth` and `range` hold for the camera of the training data. */
interface Answer {
  /** By which its file and its surface are asked for. */
  number: number;
  width: number;
  height: number;
  bitmap: ImageBitmap;
  depth: Float32Array;
  uncertainty: Float32Array | null;
  /** Above 1 for a picture unlike the training pictures, null where the model does not say. */
  novelty: number | null;
  range: [number, number];
  camera: Intrinsics | null;
  note: string;
  milliseconds: number;
}

interface FileFacts {
  intrinsics: Intrinsics | null;
  provenance: Record<string, string>;
}

type FileFormat = 'png16' | 'npy' | 'ply' | 'glb' | 'color';

interface FileRequest {
  /** Of the picture, see Answer. */
  number: number;
  format: FileFormat;
  scale: number;
  facts: FileFacts;
  colors: { map: string; range: [number, number] };
}

interface Surface {
  positions: Float32Array;
  uv: Float32Array;
  triangles: Uint32Array;
}

interface Grid {
  values: Float32Array;
  columns: number;
  rows: number;
}
