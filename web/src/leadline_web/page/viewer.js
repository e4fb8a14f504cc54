/** The photograph in space: a surface or points, to be turned, moved and neared. */

import * as THREE from 'three';
import { OrbitControls } from './vendor/OrbitControls.js';

const TURN = Math.PI / 36;
const NEARER = 0.9;
/** Columns and rows of what is drawn ahead. @type {[number, number]} */
const REHEARSED = [320, 240];

export class Viewer {
  /** @param {HTMLElement} place */
  constructor(place) {
    THREE.ColorManagement.enabled = false; // the photograph's values are shown as they are
    this.place = place;
    this.renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
    this.renderer.outputColorSpace = THREE.LinearSRGBColorSpace;
    this.renderer.setPixelRatio(Math.min(2, devicePixelRatio));
    this.renderer.setClearColor(0x0c0e12);
    place.append(this.renderer.domElement);
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(50, 1, 0.01, 1000);
    this.controls = new OrbitControls(this.camera, this.renderer.domElement);
    this.controls.addEventListener('change', () => void this.draw());
    /** @type {THREE.BufferGeometry | null} */
    this.geometry = null;
    /** @type {THREE.Texture | null} */
    this.texture = null;
    this.surface = new THREE.MeshBasicMaterial({ side: THREE.DoubleSide });
    this.points = pointMaterial();
    this.isSurface = true;
    /** The next frame, while it is awaited. @type {Promise<void> | null} */
    this.drawing = null;
    new ResizeObserver(() => this.resize()).observe(place);
  }

  /**
   * @param {Surface} surface
   * @param {ImageBitmap} photo
   * @param {Intrinsics} camera
   * @param {boolean} keepView
   * @returns {Promise<void>} when it is drawn
   */
  show(surface, photo, camera, keepView) {
    this.geometry?.dispose();
    this.geometry = geometryOf(surface);
    this.setTexture(new THREE.Texture(photo));
    this.intrinsics = camera;
    this.compose();
    if (keepView) this.resize();
    else this.resetView();
    return this.draw();
  }

  /** @param {boolean} isSurface */
  setSurface(isSurface) {
    this.isSurface = isSurface;
    this.compose();
    this.draw();
  }

  compose() {
    this.scene.clear();
    if (!this.geometry) return;
    if (this.isSurface) this.scene.add(new THREE.Mesh(this.geometry, this.surface));
    else this.scene.add(new THREE.Points(this.geometry, this.points));
  }

  /** How many pixels of the screen lie between two points as the photographer sees them. */
  spacing() {
    const count = this.geometry?.getAttribute('position').count || 1;
    const { width, height } = this.renderer.domElement;
    return Math.max(2, 1.2 * Math.sqrt((width * height) / count));
  }

  /**
   * Draw something of a photograph's size that nobody sees: shaders are compiled by the first
   * drawing that shows anything, and the memory for what goes to the processor of graphics grows.
   */
  prepare() {
    if (this.geometry) return;
    const geometry = geometryOf(flatSurface(...REHEARSED));
    geometry.setDrawRange(0, 6); // all of it takes a second where graphics are drawn in software
    this.setTexture(new THREE.Texture(new OffscreenCanvas(...REHEARSED)));
    const parts = [new THREE.Mesh(geometry, this.surface), new THREE.Points(geometry, this.points)];
    for (const part of parts) part.frustumCulled = false; // what is not in sight compiles nothing
    this.scene.add(...parts);
    this.renderer.render(this.scene, this.camera);
    this.scene.clear();
    geometry.dispose();
  }

  /** @param {THREE.Texture} texture */
  setTexture(texture) {
    this.texture?.dispose();
    this.texture = texture;
    texture.flipY = false;
    texture.needsUpdate = true;
    this.surface.map = texture;
    this.points.uniforms.photo.value = texture;
  }

  /** Stand where the photographer stood, a step aside, looking at the middle of the scene. */
  resetView() {
    if (!this.geometry || !this.intrinsics) return;
    const distance = medianDistance(this.geometry);
    this.camera.near = distance / 200;
    this.camera.far = distance * 100;
    this.controls.target.set(0, 0, -distance);
    this.camera.position.set(0.12 * distance, 0.08 * distance, 0.12 * distance);
    this.resize();
    this.controls.update();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.place;
    if (!width || !height) return;
    const { x, y } = this.renderer.getSize(new THREE.Vector2());
    if (width !== x || height !== y) this.renderer.setSize(width, height, false); // empties it
    this.points.uniforms.size.value = this.spacing();
    this.camera.aspect = width / height;
    if (this.intrinsics) {
      const { fy, height: rows, fx, width: columns } = this.intrinsics;
      const upright = Math.max(rows / fy, columns / fx / this.camera.aspect);
      this.camera.fov = (2 * Math.atan(upright / 2) * 180) / Math.PI;
    }
    this.camera.updateProjectionMatrix();
    if (!this.place.inert) this.draw();
  }

  /**
   * Turn by the keyboard. Says whether the key was one of its own.
   * @param {string} key
   */
  press(key) {
    const offset = this.camera.position.clone().sub(this.controls.target);
    const place = new THREE.Spherical().setFromVector3(offset);
    if (key === 'ArrowLeft') place.theta -= TURN;
    else if (key === 'ArrowRight') place.theta += TURN;
    else if (key === 'ArrowUp') place.phi -= TURN;
    else if (key === 'ArrowDown') place.phi += TURN;
    else if (key === '+' || key === '=') place.radius *= NEARER;
    else if (key === '-') place.radius /= NEARER;
    else return false;
    place.makeSafe();
    this.camera.position.setFromSpherical(place).add(this.controls.target);
    this.controls.update();
    return true;
  }

  /** Draw at the next frame, once, however many changes there were. Resolves when it is drawn. */
  draw() {
    this.drawing ??= new Promise((resolve) => {
      requestAnimationFrame(() => {
        this.drawing = null;
        this.renderer.render(this.scene, this.camera);
        resolve(undefined);
      });
    });
    return this.drawing;
  }
}

/** @param {Surface} surface */
function geometryOf({ positions, uv, triangles }) {
  return new THREE.BufferGeometry()
    .setAttribute('position', new THREE.BufferAttribute(positions, 3))
    .setAttribute('uv', new THREE.BufferAttribute(uv, 2))
    .setIndex(new THREE.BufferAttribute(triangles, 1));
}

/**
 * A square of so many points, a metre away.
 * @param {number} columns
 * @param {number} rows
 * @returns {Surface}
 */
function flatSurface(columns, rows) {
  const count = columns * rows;
  const positions = Float32Array.from({ length: 3 * count }, (_, at) => {
    const point = Math.floor(at / 3);
    return [(point % columns) / columns - 0.5, point / count - 0.5, -1][at % 3];
  });
  const triangles = Uint32Array.from({ length: 6 * (count - columns - 1) }, (_, at) => {
    const cell = Math.floor(at / 6);
    return cell + [0, columns, 1, 1, columns, columns + 1][at % 6];
  });
  return { positions, uv: new Float32Array(2 * count), triangles };
}

/** Points that take their colour from the photograph. */
function pointMaterial() {
  return new THREE.ShaderMaterial({
    uniforms: { photo: { value: null }, size: { value: 2 } },
    vertexShader: `
      uniform float size;
      varying vec2 place;
      void main() {
        place = uv;
        gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
        gl_PointSize = size;
      }`,
    fragmentShader: `
      uniform sampler2D photo;
      varying vec2 place;
      void main() { gl_FragColor = vec4(texture2D(photo, place).rgb, 1.0); }`,
  });
}

/** @param {THREE.BufferGeometry} geometry */
function medianDistance(geometry) {
  const positions = geometry.getAttribute('position');
  const every = Math.max(1, Math.floor(positions.count / 2000));
  const distances = [];
  for (let at = 0; at < positions.count; at += every) distances.push(-positions.getZ(at));
  distances.sort((a, b) => a - b);
  return distances[distances.length >> 1] || 1;
}
