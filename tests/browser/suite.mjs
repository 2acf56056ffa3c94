// What the cases share.
let current;

/** The world, once the suite has started it. */
export const world = () => current;

export const setWorld = (started) => (current = started);
