import Database from 'libsql';

/** Keeps everybody else out of a database file, as another program would. @returns lets go of it */
export function holdDatabase(path: string): () => void {
  const other = new Database(path, { timeout: 1000 });
  other.exec('BEGIN EXCLUSIVE');
  return () => {
    other.exec('ROLLBACK');
    other.close();
  };
}
