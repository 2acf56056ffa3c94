// What a library is like whose next version has dropped an option, or takes it and does not call it.

/**
 * Returns a class, function or object that has never heard of an option, which may be one inside another: `httpOptions.baseUrl`.
 * With `hook.method` that holds for the method alone.
 */
export function without(real, hook) {
  const deaf = (args) => args.map((arg) => drop(arg, hook.option.split('.')));
  if (hook.method) {
    return new Proxy(real, {
      get: (target, name) => (name === hook.method ? (...args) => target[name](...deaf(args)) : target[name]),
    });
  }
  const broken = new Proxy(real, {
    // Some classes want to be called by their own name.
    construct: (target, args, self) => Reflect.construct(target, deaf(args), self === broken ? target : self),
    apply: (target, self, args) => Reflect.apply(target, self, deaf(args)),
  });
  return broken;
}

function drop(value, [name, ...inner]) {
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype || !(name in value)) return value;
  const { [name]: dropped, ...others } = value;
  return inner.length > 0 ? { ...others, [name]: drop(dropped, inner) } : others;
}
