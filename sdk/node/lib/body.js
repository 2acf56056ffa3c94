'use strict';

/**
 * Returns the body of a Request as bytes if all of it is there at once, as it is of one made from a string or bytes: so it goes
 * out with its length, without which some providers refuse uploads. Else it is a stream, from its first byte.
 */
async function readable(stream) {
  const reader = stream.getReader();
  const chunks = [];
  let pending;
  for (;;) {
    pending = reader.read();
    const read = await Promise.race([pending, turn()]);
    if (read === undefined) return rest(reader, chunks, pending);
    if (read.done) return Buffer.concat(chunks);
    chunks.push(read.value);
  }
}

/** Resolves after what is ready now. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

const rest = (reader, chunks, pending) => {
  const reads = [...chunks.map((value) => ({ value })), pending];
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await (reads.length > 0 ? reads.shift() : reader.read());
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
};

module.exports = { readable };
