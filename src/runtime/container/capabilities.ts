/** Shared with the VM runtime. */
export * from '../capabilities.ts';
