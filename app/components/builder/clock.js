// Asks Python again after a while, as long as it says that something is still being worked out.
export default function ({ data, setTriggerValue }) {
  if (!data.pending) return undefined;
  const timer = setTimeout(() => setTriggerValue("tick", data.number), data.after);
  return () => clearTimeout(timer);
}
