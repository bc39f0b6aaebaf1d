/** A template that cannot be understood or carried out. The message is Go's where a user may know it. */
export class TemplateError extends Error {}
