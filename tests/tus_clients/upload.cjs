// Uploads a file through a grant with tus-js-client, which resumes by itself when the connection breaks.
// node upload.cjs <module directory> <creation URL> <grant> <file>
const [modules, endpoint, grant, path] = process.argv.slice(2);
const tus = require(require.resolve("tus-js-client", { paths: [modules] }));
const fs = require("fs");

let interruptions = 0;
const upload = new tus.Upload(fs.createReadStream(path), {
  endpoint,
  headers: { Authorization: `Bearer ${grant}` },
  uploadSize: fs.statSync(path).size,
  chunkSize: 64 * 1024 * 1024,
  retryDelays: [100, 200, 400, 800, 1600],
  metadata: { filename: "evidence.bin" },
  onShouldRetry: () => ((interruptions += 1), true),
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess: () => console.log(JSON.stringify({ url: upload.url, interruptions })),
});
upload.start();
