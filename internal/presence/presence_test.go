package presence

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
)

// noteIn, if set, makes the test binary another process, which leaves a note and waits to be ended.
const noteIn = "VENDGATE_TEST_NOTE_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(noteIn); dir != "" {
		if _, err := Leave(dir, Self([]string{"tcp/127.0.0.1:1"})); err != nil {
			panic(err)
		}
		_, _ = os.Stdout.WriteString("left\n")
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(0) // without taking it back, as a crash does
	}
	os.Exit(m.Run())
}

// TestStarted: a process began when it began, and not with its last reload.
func TestStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where the time is another
		if at := Self(nil).Started; !at.Equal(started) {
			t.Errorf("it began at %s, want %s", at, started)
		}
	})
}

func TestOthers(t *testing.T) {
	dir := t.TempDir()
	own, err := Leave(dir, Self(nil))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), noteIn+"="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	found, err := Others(dir)
	if err != nil || len(found) != 1 || found[0].PID != cmd.Process.Pid || found[0].Network != network() ||
		strings.Join(found[0].Listeners, " ") != "tcp/127.0.0.1:1" {
		t.Errorf("others: %+v, %v", found, err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if found, err := Others(dir); err != nil || len(found) != 0 {
		t.Errorf("after its end: %+v, %v", found, err)
	}
	if err := own.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, folder)); err != nil || len(left) != 0 {
		t.Errorf("notes left: %v, %v", left, err)
	}
}
