package storetest

import "testing"

// save copies all tables, and restore puts the copies back, without what Refuse and
// Touched have made.
const (
	save = `DO $$ DECLARE name text; BEGIN
		CREATE SCHEMA saved;
		FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
			EXECUTE format('CREATE TABLE saved.%1$I AS TABLE public.%1$I', name);
		END LOOP;
	END $$`
	restore = `DO $$ DECLARE name text; BEGIN
		DROP FUNCTION IF EXISTS public.refused() CASCADE;
		DROP SCHEMA IF EXISTS noted CASCADE;
		SET LOCAL session_replication_role = replica;
		FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'saved' LOOP
			EXECUTE format('DELETE FROM public.%I', name);
			EXECUTE format('INSERT INTO public.%1$I SELECT * FROM saved.%1$I', name);
		END LOOP;
		PERFORM setval(pg_get_serial_sequence('public.audit', 'id'), (SELECT max(id) FROM saved.audit));
	END $$`
)

// Snapshot returns a function whose every call returns a directory where all is as it is now at a
// place. No store may be open there. In SQLite each is a copy, in PostgreSQL the same database,
// which is put back: a copy of one takes ten times as long.
func Snapshot(t testing.TB, p Place) (again func(t testing.TB) (dir string)) {
	t.Helper()
	if p.Postgres == "" {
		files := readFiles(t, p.Dir)
		return func(t testing.TB) string {
			t.Helper()
			dir := t.TempDir()
			writeFiles(t, dir, files)
			return dir
		}
	}
	Exec(t, p, save)
	return func(t testing.TB) string {
		t.Helper()
		Exec(t, p, restore)
		return p.Dir
	}
}
