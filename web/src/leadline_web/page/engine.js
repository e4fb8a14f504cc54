/** The worker as functions that return promises. */

export class Engine {
  /** @param {(loaded: number) => void} onLoaded is told how many bytes came so far */
  constructor(onLoaded) {
    /** @type {Map<number, {resolve: (result: any) => void, reject: (error: Error) => void}>} */
    this.waiting = new Map();
    this.count = 0;
    this.worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    this.worker.addEventListener('message', ({ data }) => {
      if (data.loaded !== undefined) onLoaded(data.loaded);
      else this.settle(data);
    });
    this.worker.addEventListener('error', (event) => {
      const error = new Error(event.message || 'A script of this page could not be loaded.');
      for (const { reject } of this.waiting.values()) reject(error);
      this.waiting.clear();
    });
  }

  /** @param {{id: number, result?: unknown, error?: string}} answer */
  settle({ id, result, error }) {
    const promise = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) promise?.resolve(result);
    else promise?.reject(new Error(error));
  }

  /**
   * @param {string} kind
   * @param {object} content
   * @param {Transferable[]} moved
   * @returns {Promise<any>}
   */
  ask(kind, content = {}, moved = []) {
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, kind, ...content }, moved);
    });
  }

  /**
   * The picture is shown: what came before it need not be kept.
   * @param {Answer} answer
   */
  keep({ number }) {
    this.worker.postMessage({ kind: 'shown', number });
  }

  /**
   * The picture is not going to be shown.
   * @param {Answer} answer
   */
  drop({ number, bitmap }) {
    bitmap.close();
    this.worker.postMessage({ kind: 'dropped', number });
  }

  /** @param {PageConfig} config @returns {Promise<Loaded>} */
  load(config) {
    return this.ask('load', { config });
  }

  /** @returns {Promise<void>} */
  warmUp() {
    return this.ask('warm up');
  }

  /**
   * @param {Blob} blob
   * @param {string} name
   * @param {boolean} onServer
   * @returns {Promise<Answer>}
   */
  predictFile(blob, name, onServer) {
    return this.ask('picture', { blob, name, onServer });
  }

  /**
   * @param {ImageBitmap} bitmap
   * @param {boolean} isLive whether the next one is waiting: at the size that the network sees
   * @returns {Promise<Answer>}
   */
  predictFrame(bitmap, isLive) {
    return this.ask('frame', { bitmap, isLive }, [bitmap]);
  }

  /**
   * @param {number} number of the picture
   * @param {number} scale
   * @param {Intrinsics} camera
   * @returns {Promise<Surface>}
   */
  makeSurface(number, scale, camera) {
    return this.ask('surface', { about: { number, scale, camera } });
  }

  /** @param {FileRequest} request @returns {Promise<{blob: Blob, tooFar: number}>} */
  makeFile(request) {
    return this.ask('file', { request });
  }
}
