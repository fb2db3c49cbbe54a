// Reads packed numbers, which analysis/report/curves.py writes.

/** The code of a run that has no value in a column. */
export const NO_CODE = 0xffff;

/** The bytes of a data block of the page: base64 of zlib. */
export async function bytesOf(id) {
  const text = document.getElementById(id).textContent;
  const packed = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : fromBase64(text);
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

function fromBase64(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = letters.charCodeAt(index);
  return bytes;
}

/** Reads arrays from bytes, one after another; each array has the lowest bytes of all its numbers first. */
export class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  plane(length) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** Numbers of 8 bits. */
  small(length) {
    return this.plane(length).slice();
  }

  /** Numbers of 16 bits. */
  codes(length) {
    const [low, high] = [this.plane(length), this.plane(length)];
    const codes = new Uint16Array(length);
    for (let index = 0; index < length; index++) codes[index] = low[index] | (high[index] << 8);
    return codes;
  }

  /** A function that returns numbers of 64 bits, which are read at its first call. */
  numbersLater(length) {
    const there = new Reader(this.plane(8 * length));
    let numbers = null;
    return () => (numbers ??= there.numbers(length));
  }

  /** Floating-point numbers of 64 bits, exactly. */
  numbers(length) {
    const spread = new Uint8Array(8 * length);
    for (let byte = 0; byte < 8; byte++) {
      const plane = this.plane(length);
      for (let index = 0; index < length; index++) spread[8 * index + byte] = plane[index];
    }
    return littleEndian() ? new Float64Array(spread.buffer) : swapped(spread);
  }

  /** The remaining bytes as text. */
  text() {
    return new TextDecoder().decode(this.bytes.subarray(this.at));
  }
}

function littleEndian() {
  return new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
}

function swapped(bytes) {
  const view = new DataView(bytes.buffer);
  return Float64Array.from({ length: bytes.length / 8 }, (_, index) => view.getFloat64(8 * index, true));
}
