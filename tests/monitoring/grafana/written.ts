// What JSON may stand for a type of Grafana's: an enumeration is written as its value.
export type Written<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends (infer Each)[]
      ? Written<Each>[]
      : T extends object
        ? { [Key in keyof T]: Written<T[Key]> }
        : T;

// A dashboard whose panels have the options of their own type, and no others.
export type Strict<Dashboard, Panel, RowPanel, Annotation, Options> = Omit<
  Written<Dashboard>,
  "panels" | "annotations"
> & {
  panels: (
    | Written<RowPanel>
    | {
        [Type in keyof Options]: Omit<Written<Panel>, "type" | "options"> & {
          type: Type;
          options: Written<Options[Type]>;
        };
      }[keyof Options]
  )[];
  // The plugin for Prometheus takes a query of its own beside what all annotations have.
  annotations: { list: (Written<Annotation> & { expr?: string; step?: string; titleFormat?: string; textFormat?: string })[] };
};
