// One upload with tus-js-client, as a program: node tus_upload.cjs OPTIONS, where OPTIONS is JSON. Events are JSON lines.
const fs = require("node:fs");
const stream = require("node:stream");
const tus = require(`${process.env.NODE_MODULES}/tus-js-client`);

const asked = JSON.parse(process.argv[2]);
const say = (event) => fs.writeSync(1, `${JSON.stringify(event)}\n`);

const options = {
  endpoint: asked.endpoint,
  retryDelays: [0, 100, 200, 400, 800, 1600],
  metadata: { filename: "file.bin", filetype: "application/x-test" },
  onProgress: (sent, total) => say({ event: "progress", sent, total }),
  onSuccess: () => say({ event: "success", url: upload.url }),
  onError: (error) => {
    say({ event: "error", message: error.message });
    process.exitCode = 1;
  },
  onShouldRetry: (error) => {
    const status = error.originalResponse ? error.originalResponse.getStatus() : 0;
    say({ event: "retry", status });
    return status < 400 || status >= 500 || status === 409 || status === 423;
  },
  ...asked.options,
};
if (asked.storage) {
  options.urlStorage = new tus.FileUrlStorage(asked.storage);
}

// A file's stream is known for its size; one of unknown size has to look like no file.
const opened = fs.createReadStream(asked.file);
const file = options.uploadLengthDeferred ? opened.pipe(new stream.PassThrough()) : opened;
const upload = new tus.Upload(file, options);

async function main() {
  if (asked.resume) {
    const previous = await upload.findPreviousUploads();
    say({ event: "previous", count: previous.length });
    upload.resumeFromPreviousUpload(previous[0]);
  }
  if (asked.terminate) {
    upload.options.onProgress = (sent) => {
      if (sent >= asked.terminate && !main.ended) {
        main.ended = true;
        upload.abort(true).then(
          () => say({ event: "terminated", url: upload.url }),
          (error) => say({ event: "error", message: error.message }),
        );
      }
    };
  }
  upload.start();
}

main();
