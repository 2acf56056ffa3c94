//go:build schematest

package store

// A build of tests has one migration more, with which the released programs work: those of before
// and after it run together in a rolling upgrade.
func init() {
	postgresMigrations = append(postgresMigrations, newMigration("-- compatible: 1\n"+
		"ALTER TABLE connections ADD COLUMN schematest TEXT NOT NULL DEFAULT 'x';"))
}
