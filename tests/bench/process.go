package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// processCPU reads user and system time, in ticks of 10 ms (proc(5), fields 14 and 15).
func processCPU(pid int) time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// processMemory is what of the process is in the machine's memory, in bytes.
func processMemory(pid int) int64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(raw), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kb, _ := strconv.ParseInt(fields[0], 10, 64)
	return kb << 10
}

// children lists the processes whose parent is pid.
func children(pid int) (list []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(raw), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			if child, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
				list = append(list, child)
			}
		}
	}
	return list
}

// goMemory are those of runtime.MemStats, as /debug/vars shows them, that are of use.
type goMemory struct{ Mallocs, TotalAlloc, HeapInuse, StackInuse uint64 }

// readMemory asks a program in Go. Without an address it returns nil, as for nginx.
func readMemory(admin string) *goMemory {
	if admin == "" {
		return nil
	}
	res, err := (&http.Client{Timeout: 5 * time.Second}).Get("http://" + admin + "/debug/vars")
	if err != nil {
		return nil
	}
	defer func() { _ = res.Body.Close() }()
	var vars struct{ Memstats goMemory }
	if json.NewDecoder(res.Body).Decode(&vars) != nil {
		return nil // the columns stay empty
	}
	return &vars.Memstats
}
