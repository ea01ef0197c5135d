/** Where the compiled copy of a source of this project is; it is made where there is none. */
export function compiled(file: URL): URL;
