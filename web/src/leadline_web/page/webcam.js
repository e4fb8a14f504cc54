/** Live pictures of a camera, as fast as the network takes them. */

const RATE_OVER = 10;

/**
 * @typedef {object} Actions
 * @property {(frame: ImageBitmap) => Promise<Answer>} predict
 * @property {(answer: Answer, isSameScene: boolean) => void} show
 * @property {(answer: Answer) => void} drop
 * @property {(rate: number) => void} tell
 */

export class Webcam {
  /**
   * @param {HTMLVideoElement} video
   * @param {Actions} actions
   */
  constructor(video, actions) {
    this.video = video;
    this.actions = actions;
    /** @type {MediaStream | null} */
    this.stream = null;
    /** How often it was started or stopped: what an earlier start brings is not wanted any more. */
    this.turn = 0;
  }

  /** Ask for the camera and show its frames until `stop`, or until it is started again. */
  async start() {
    this.stop();
    const { turn } = this;
    if (!navigator.mediaDevices) {
      throw new Error('This page may not use the camera: it must come by https, or from localhost.');
    }
    /** @type {MediaStream} */
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: 'environment', width: { ideal: 640 }, height: { ideal: 480 } },
      });
    } catch (error) {
      if (this.turn !== turn) return;
      throw new Error(cameraError(/** @type {Error} */ (error)), { cause: error });
    }
    if (this.turn !== turn) return stopTracks(stream);
    this.stream = stream;
    this.video.srcObject = stream;
    try {
      await this.video.play();
      await this.loop(stream);
    } catch (error) {
      if (this.stream === stream) throw error; // else it was on its way when the camera stopped
    }
  }

  /**
   * Each frame is shown while the next one is at work; what comes after `stop` is dropped.
   * @param {MediaStream} stream
   */
  async loop(stream) {
    /** @type {number[]} */
    const times = [];
    let next = this.predictNext();
    while (this.stream === stream) {
      const answer = await next;
      if (this.stream !== stream) return this.actions.drop(answer);
      next = this.predictNext();
      this.actions.show(answer, times.length > 0);
      times.push(performance.now());
      if (times.length > RATE_OVER) times.shift();
      if (times.length > 1) {
        this.actions.tell((1000 * (times.length - 1)) / (times[times.length - 1] - times[0]));
      }
      await new Promise(requestAnimationFrame);
    }
    this.actions.drop(await next);
  }

  async predictNext() {
    return this.actions.predict(await createImageBitmap(this.video));
  }

  stop() {
    this.turn++;
    if (this.stream) stopTracks(this.stream);
    this.stream = null;
    this.video.srcObject = null;
  }
}

/** @param {MediaStream} stream */
function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/** @param {Error} error */
function cameraError({ name, message }) {
  if (name === 'NotAllowedError') return 'The camera was not allowed; allow it for this page.';
  if (name === 'NotFoundError') return 'There is no camera on this device.';
  if (name === 'NotReadableError') return 'The camera is in use by another program.';
  return `The camera does not start: ${message}`;
}
