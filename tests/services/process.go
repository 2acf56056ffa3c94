package services

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds each wait for a service.
const patience = 60 * time.Second

// process is one service as it starts, ends, hangs and starts again.
type process struct {
	name    string
	log     string // a file with its output
	command []string
	// ready says whether the service answers; nil or not yet.
	ready func(pid int) error
	// end is the signal of an orderly end.
	end syscall.Signal

	mu    sync.Mutex
	cmd   *exec.Cmd // nil when it does not run
	ended chan struct{}
}

// start starts it where it does not run, and waits until it is ready.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return nil
	}
	as, err := account()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, filepath.Dir(p.log)
	// A group of its own: no Ctrl-C of a terminal reaches it before the tests have ended.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	go func() {
		_ = cmd.Wait() // its end is what counts
		close(ended)
	}()
	return errors.Join(p.remember(), p.await(cmd.Process.Pid))
}

// remember tells the janitor and Shutdown of the process.
func (p *process) remember() error {
	machine.Lock()
	defer machine.Unlock()
	if machine.running == nil {
		machine.running = make(map[*process]bool)
	}
	machine.running[p] = true
	return os.WriteFile(p.pidFile(), []byte(strconv.Itoa(p.cmd.Process.Pid)+"\n"), 0o600)
}

func (p *process) pidFile() string {
	dir, own := filepath.Split(filepath.Dir(p.log))
	return filepath.Join(dir, "pids", own)
}

func (p *process) await(pid int) error {
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		err := p.ready(pid)
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			p.forget()
			return fmt.Errorf("%s has ended instead of starting\n%s", p.name, p.output())
		default:
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s is not ready after %s: %w\n%s", p.name, patience, err, p.output())
		}
	}
}

// output returns the end of its log.
func (p *process) output() []byte {
	raw, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	return raw[max(0, len(raw)-4000):]
}

// signal sends a signal to the process and its children, and returns them. A child of PostgreSQL is
// the leader of a session of its own, so that no signal to a group would reach it.
func (p *process) signal(s syscall.Signal) []int {
	pid := p.cmd.Process.Pid
	if s != syscall.SIGCONT {
		_ = syscall.Kill(pid, syscall.SIGSTOP) // it has no more children after this
	}
	pids := append(children(pid), pid)
	for _, each := range pids {
		_ = syscall.Kill(each, s) // it may have ended by itself
	}
	return pids
}

// kill is `kill -9` of the process and its children; it returns when all of them have ended.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	pids := p.signal(syscall.SIGKILL)
	<-p.ended
	for end := time.Now().Add(patience); slices.ContainsFunc(pids, alive) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	p.forget()
}

// stop ends the process in order; what does not end within patience is killed.
func (p *process) stop() { p.endBy(p.end) }

// quit is stop that waits for none of its clients.
func (p *process) quit() { p.endBy(syscall.SIGQUIT) }

func (p *process) endBy(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	p.signal(syscall.SIGCONT)
	_ = p.cmd.Process.Signal(s)
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-p.ended:
	case <-limit.C:
		p.signal(syscall.SIGKILL)
		<-p.ended
	}
	p.forget()
}

// forget is for a process that has ended.
func (p *process) forget() {
	_ = os.Remove(p.pidFile()) // another process may get its id
	p.cmd = nil
	machine.Lock()
	defer machine.Unlock()
	delete(machine.running, p)
}

// freeze stops the process and its children where they are, as a machine that hangs; thaw lets them
// go on.
func (p *process) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		p.signal(syscall.SIGSTOP)
	}
}

func (p *process) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		p.signal(syscall.SIGCONT)
	}
}

// must fails the test where start did.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// children returns the processes that have pid as their parent, by proc_pid_stat(5).
func children(pid int) (list []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		fields := stat(path)
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			list = append(list, child)
		}
	}
	return list
}

// alive reports whether a process runs. One that has ended and that its parent has not asked for
// does not.
func alive(pid int) bool {
	fields := stat(fmt.Sprintf("/proc/%d/stat", pid))
	return len(fields) > 0 && fields[0] != "Z" && fields[0] != "X"
}

// stat returns the fields behind the name of the program: its state, its parent's id and more.
func stat(path string) []string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
}
