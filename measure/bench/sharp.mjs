// One sample of sharp: node sharp.mjs FILE RUNS. As sample.py, in JavaScript.
import fs from 'node:fs';
import sharp from 'sharp';

// As users run it: its own threads and cache. Only the Huffman tables are not optimised, so that
// it does the same work.
const upload = fs.readFileSync(process.argv[2]);
const cpu_ms = [];
let peak_mb = 0;
for (let run = 0; run < Number(process.argv[3]); run++) {
  const before = process.cpuUsage();
  for (const size of [2048, 1024, 480, 160]) {
    await sharp(upload)
      .rotate()
      .resize(size, size, { fit: 'inside', withoutEnlargement: true })
      .jpeg({ quality: 80, optimiseCoding: false })
      .toBuffer();
  }
  const used = process.cpuUsage(before);
  cpu_ms.push((used.user + used.system) / 1000);
  peak_mb ||= Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
}
console.log(JSON.stringify({ cpu_ms, peak_mb }));
