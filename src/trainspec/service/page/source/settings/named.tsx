// The name of a setting, which may be broken where its words end.
export function Named({ name }: { name: string }) {
  return (
    <code>
      {name.split(/(?<=[_.])/).map((part, index) => (
        <>
          {index > 0 && <wbr />}
          {part}
        </>
      ))}
    </code>
  );
}
