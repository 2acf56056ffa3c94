package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/vendgate/vendgate/internal/filelock"
	"github.com/vendgate/vendgate/internal/privatefile"
)

// quickCheck reads all of a database.
func quickCheck(ctx context.Context, db *sql.DB) error {
	var verdict string
	err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict)
	switch {
	case err != nil:
		return fmt.Errorf("checking the database: %w", explainDamage(err))
	case verdict != "ok":
		return fmt.Errorf("%w (%s)", ErrDamaged, verdict)
	}
	return nil
}

// openMark begins the names of the files that say who has the database open: each is locked by the
// process that made it, and removed when that closes the database. One that is not locked is of a
// process that was killed, or of a machine that was.
const openMark = DatabaseName + "-open-"

// mark is such a file, locked.
type mark struct {
	path string
	lock *filelock.Lock
}

// leaveMark makes a mark. It is locked before it has its name.
func leaveMark(dir string) (m mark, err error) {
	name := openMark + rand.Text()[:8]
	m.path = filepath.Join(dir, name)
	temp := filepath.Join(dir, "."+name)
	if err := privatefile.Create(temp); err != nil {
		return m, err
	}
	if m.lock, _, err = filelock.Exclusive(temp); err == nil {
		err = os.Rename(temp, m.path)
	}
	if err != nil {
		return m, errors.Join(err, m.lock.Close(), os.Remove(temp))
	}
	return m, nil
}

// leftMarks locks the marks of those who did not close the database.
func leftMarks(dir string) (left []mark, err error) {
	entries, err := filepath.Glob(filepath.Join(dir, openMark+"*"))
	if err != nil {
		return nil, err
	}
	for _, path := range entries {
		lock, free, err := filelock.Exclusive(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has just been closed
		case err != nil:
			return left, err
		case free:
			left = append(left, mark{path, lock})
		}
	}
	return left, nil
}

func (m mark) remove() error {
	err := os.Remove(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, m.lock.Close())
}

// recheck looks through the database in the background, after an end that did not close it. The
// marks of that are kept until the database was found sound: a later start tries again.
type recheck struct {
	own     mark
	left    []mark
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// start never fails a start: what it cannot do is logged.
func (r *recheck) start(s *Store) {
	var err error
	if r.left, err = leftMarks(s.o.Dir); err != nil {
		s.log.Warn("looking for an unclean end of the store", "error", err)
	}
	if r.own, err = leaveMark(s.o.Dir); err != nil {
		s.log.Warn("an unclean end of the store will not be seen", "error", err)
	}
	if len(r.left) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.running.Go(func() { r.run(ctx, s) })
}

// run reads the database by a connection of its own.
func (r *recheck) run(ctx context.Context, s *Store) {
	begun := time.Now()
	s.log.Info("checking the store in the background, which was not closed", "store", s.o.Dir)
	db, err := openPool(filepath.Join(s.o.Dir, DatabaseName), reading)
	if err == nil {
		err = errors.Join(quickCheck(ctx, db), db.Close())
	}
	switch took := time.Since(begun).Round(time.Millisecond); {
	case ctx.Err() != nil: // the next start checks it
	case err != nil:
		s.log.Error("the store is damaged: run `vendgate store check`, and restore a backup", "store", s.o.Dir,
			"error", err)
	default:
		for _, m := range r.left {
			err = errors.Join(err, m.remove())
		}
		r.left = nil
		s.log.Info("the store is in order", "store", s.o.Dir, "took", took)
	}
}

// end stops the check, if it is under way.
func (r *recheck) end() (err error) {
	if r.cancel != nil {
		r.cancel()
	}
	r.running.Wait()
	for _, m := range r.left {
		err = errors.Join(err, m.lock.Close())
	}
	if r.own.lock != nil {
		err = errors.Join(err, r.own.remove())
	}
	return err
}

// maxFound bounds how many of SQLite's own findings are told.
const maxFound = 20

// check implements dialect. It reads each page, and compares each index with its table.
func (d *sqliteDB) check(ctx context.Context) (found []Problem, err error) {
	damaged, err := d.integrity(ctx)
	if err != nil || damaged != nil {
		return damaged, err
	}
	if found, err = d.foreignKeys(ctx); err != nil {
		return nil, err
	}
	want, err := madeBy(ctx, migrations, tablesQuery)
	if err != nil {
		return nil, err
	}
	got, err := statements(ctx, d.pool, tablesQuery)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			found = append(found, Problem{"the table or index " + name + " is missing, or another one", adviceRestore})
		}
	}
	return found, nil
}

func (d *sqliteDB) integrity(ctx context.Context) (found []Problem, err error) {
	rows, err := d.pool.QueryContext(ctx, fmt.Sprintf("PRAGMA integrity_check(%d)", maxFound))
	if err != nil {
		return nil, fmt.Errorf("checking the database: %w", explainDamage(err))
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var verdict string
		if err := rows.Scan(&verdict); err != nil {
			return nil, err
		}
		if verdict != "ok" {
			found = append(found, Problem{"SQLite finds: " + verdict, adviceRestore})
		}
	}
	return found, explainDamage(rows.Err())
}

// foreignKeys finds rows of connections, links and tenants that are gone.
func (d *sqliteDB) foreignKeys(ctx context.Context) (found []Problem, err error) {
	rows, err := d.pool.QueryContext(ctx, `SELECT "table", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2`)
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var table, parent string
		var n int
		if err := rows.Scan(&table, &parent, &n); err != nil {
			return nil, err
		}
		found = append(found, Problem{fmt.Sprintf("%d rows of %s are of %s that are gone", n, table, parent), adviceRestore})
	}
	return found, rows.Err()
}
