// node render.mjs BUNDLE OUT: one item, in a browser that is opened for it, one page at a time.
import {openBrowser, renderMedia, selectComposition} from '@remotion/renderer';

const [, , serveUrl, outputLocation] = process.argv;
const browserExecutable = process.env.CHROME;
const puppeteerInstance = await openBrowser('chrome', {browserExecutable});
const composition = await selectComposition({serveUrl, id: 'item', puppeteerInstance, browserExecutable});
await renderMedia({
  serveUrl, composition, puppeteerInstance, browserExecutable, outputLocation, overwrite: true, concurrency: 1,
  codec: 'h264', crf: 23, x264Preset: 'veryfast', pixelFormat: 'yuv420p', imageFormat: 'jpeg', audioBitrate: '192k', logLevel: 'error',
  // A keyframe every 2 s, like the others.
  ffmpegOverride: ({type, args}) => (type === 'stitcher' || type === 'pre-stitcher' ? [...args.slice(0, -1), '-g', '60', args.at(-1)] : args),
});
await puppeteerInstance.close({silent: true});
process.exit(0);
