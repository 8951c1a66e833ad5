declare const flavor: unique symbol;

/**
 * A primitive with a name that the compiler tells apart: a `RunId` does not pass for a `WireRunId`, though both are numbers.
 * A plain literal still passes, so that values enter without a cast.
 */
export type Flavor<Primitive, Name extends string> = Primitive & { readonly [flavor]?: Name };
