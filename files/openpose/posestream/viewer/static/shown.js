// What the server is told to be on the screen: a message, and all before it. It sends no more than it is told of.

export class Shown {
  constructor(send) {
    this.send = send; // takes the number of a message
    this.reset();
  }

  // For a new connection, whose numbers begin anew.
  reset() {
    this.waiting = []; // frames that came and are not on the screen yet, the oldest first
    this.told = 0;
  }

  came(frame) {
    this.waiting.push({ frame, shown: false });
  }

  painted({ camera, number }) {
    for (const each of this.waiting) each.shown ||= each.frame.camera === camera && each.frame.number <= number;
  }

  // `cameras` are those of which something is to come onto the screen: the others are not waited for.
  tell(cameras) {
    const { waiting } = this;
    let number = this.told;
    while (waiting.length && (waiting[0].shown || !cameras.has(waiting[0].frame.camera))) ({ number } = waiting.shift().frame);
    if (number > this.told) this.send((this.told = number));
  }
}
