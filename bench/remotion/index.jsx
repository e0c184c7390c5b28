// The scenarios as React components. scenario.json, written before bundling, says which and how long.
import React from 'react';
import {registerRoot, Composition, AbsoluteFill, Audio, Img, OffthreadVideo, Sequence, staticFile, useCurrentFrame, interpolate} from 'remotion';
import scenario from './scenario.json';

const FPS = 30;
const font = (size, weight = 400) => `${weight} ${size}px Inter`;
const clamp = {extrapolateLeft: 'clamp', extrapolateRight: 'clamp'};

const Sound = () => (
  <>
    <Audio src={staticFile('narration.m4a')} />
    <Audio src={staticFile('tune.m4a')} loop
      volume={(f) => interpolate(f, [scenario.frames - FPS, scenario.frames - 1], [0.15, 0], clamp)} />
  </>
);

const Promo = () => {
  const frame = useCurrentFrame();
  const seen = interpolate(frame, [0, FPS], [0, 1], clamp);
  const zoom = 1 + (0.12 * frame) / scenario.frames;
  const page = Math.floor(frame / FPS / scenario.captionSeconds) % scenario.captions.length;
  return (
    <AbsoluteFill style={{background: 'linear-gradient(150deg, #182048, #602878)', color: 'white'}}>
      <div style={{position: 'absolute', left: 896, top: 144, width: 960, height: 720, overflow: 'hidden'}}>
        <Img src={staticFile('photo0.jpg')} style={{width: 960, height: 720, transform: `scale(${zoom})`}} />
      </div>
      <div style={{position: 'absolute', left: 64 - 264 * (1 - seen) ** 2, top: 216, opacity: seen, whiteSpace: 'pre', font: font(72, 700)}}>
        {scenario.title.join('\n')}
      </div>
      <div style={{position: 'absolute', left: 64, top: 912, width: 1792, height: 144, background: '#0000008c',
        display: 'flex', alignItems: 'center', justifyContent: 'center', font: font(48)}}>
        {scenario.captions[page]}
      </div>
      <Sound />
    </AbsoluteFill>
  );
};

const Slide = ({index}) => {
  const frame = useCurrentFrame();
  const opacity = index === 0 ? 1 : interpolate(frame, [0, scenario.fadeFrames], [0, 1], clamp);
  return (
    <AbsoluteFill style={{opacity}}>
      <Img src={staticFile(`photo${index}.jpg`)} style={{width: 1920, height: 1080, objectFit: 'cover'}} />
      <AbsoluteFill style={{top: 864, height: 108, alignItems: 'center', justifyContent: 'center'}}>
        <div style={{background: '#000000a0', color: 'white', padding: '4px 18px', font: font(72)}}>Slide number {index + 1}</div>
      </AbsoluteFill>
    </AbsoluteFill>
  );
};

const Slides = () => (
  <AbsoluteFill>
    {scenario.slides.map(({from, frames}, index) => (
      <Sequence key={index} from={from} durationInFrames={frames}><Slide index={index} /></Sequence>
    ))}
    <Sound />
  </AbsoluteFill>
);

const Clip = () => {
  const frame = useCurrentFrame();
  const top = interpolate(frame, [0, FPS / 2, scenario.leaveFrame, scenario.frames], [1080, 800, 800, 1080], clamp);
  return (
    <AbsoluteFill>
      <OffthreadVideo src={staticFile('clip.mp4')} muted />
      <Img src={staticFile('lower_third.png')} style={{position: 'absolute', left: 0, top}} />
      <Sound />
    </AbsoluteFill>
  );
};

const components = {S1: Promo, S2: Slides, S3: Clip};
registerRoot(() => (
  <Composition id="item" component={components[scenario.name]} durationInFrames={scenario.frames} fps={FPS} width={1920} height={1080} />
));
