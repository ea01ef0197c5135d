/** The address of the compiled copy of a source of this project. The copy is made if there is none. */
export function compiled(file: URL): URL;
