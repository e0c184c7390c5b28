// node bundle.mjs PUBLIC OUT: what Remotion needs once per composition.
import {bundle} from '@remotion/bundler';

const [, , publicDir, outDir] = process.argv;
await bundle({entryPoint: 'index.jsx', publicDir, outDir});
