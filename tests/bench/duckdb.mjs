// duckdb.mjs ROSTER.csv PREVIOUS.csv: the full outer join of two rosters in DuckDB, 2 threads, counting the categories.
// Prints "added changed unchanged removed seconds"; the seconds are the query's own, without the start of Node.
import { DuckDBInstance } from '@duckdb/node-api';

const [roster, previous] = process.argv.slice(2);
const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
const connection = await instance.connect();
const started = process.hrtime.bigint();
const reader = await connection.runAndReadAll(`
  SELECT count(*) FILTER (WHERE b.user_id IS NULL),
         count(*) FILTER (WHERE a.user_id = b.user_id AND a.password_changed_at IS DISTINCT FROM b.password_changed_at),
         count(*) FILTER (WHERE a.user_id = b.user_id AND a.password_changed_at IS NOT DISTINCT FROM b.password_changed_at),
         count(*) FILTER (WHERE a.user_id IS NULL)
  FROM read_csv('${roster}', all_varchar = true) a
  FULL OUTER JOIN read_csv('${previous}', all_varchar = true) b ON a.user_id = b.user_id`);
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
console.log(...reader.getRows()[0].map(String), seconds.toFixed(3));
