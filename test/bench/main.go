// Command bench measures ListUsageForLicenseConfiguration over HTTP, with
// SigV4 verified, against a handler that sends the same bytes from memory: in
// the same process, on the same machine, in turns within the same run. What it
// prints are ratios; they hold on a noisy machine where times do not.
//
//	go run ./test/bench                       # 10³, 10⁵ and 10⁶ records
//	go run ./test/bench -records 1000,100000  # a quick look
//	go run ./test/bench -data DIR             # keep the fleets for the next run
//	go run ./test/bench -only 'random pages' -profile cpu.prof
//	go run ./test/bench -databases sqlite,postgres
//
// PostgreSQL is a throw-away server on the same machine that syncs its log, or
// the one that -postgres names.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// options are the command's flags.
type options struct {
	records []int
	data    string
	rounds  int
	slice   time.Duration
	clients int
	only    string

	databases []string // sqlite, postgres
	postgres  string   // URL of a PostgreSQL server; "" starts one
	profile   string
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		if err := serve(database(os.Args[2]), os.Args[3]); err != nil {
			log.Fatal(err)
		}
		return
	}
	opts, err := readOptions()
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, opts); err != nil {
		log.Fatal(err)
	}
}

func readOptions() (options, error) {
	var o options
	records := flag.String("records", "1000,100000,1000000", "sizes of the fleets, in usage records")
	flag.StringVar(&o.data, "data", "", "directory that keeps the fleets (default: a temporary one)")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds; a ratio is the median of its rounds")
	flag.DurationVar(&o.slice, "slice", 400*time.Millisecond, "how long each case runs in a round")
	flag.IntVar(&o.clients, "clients", 16, "connections that ask at once")
	databases := flag.String("databases", "sqlite", "databases to measure: sqlite, postgres or both")
	flag.StringVar(&o.postgres, "postgres", "", "URL of the PostgreSQL server to use (default: start one)")
	flag.StringVar(&o.only, "only", "", "measure only the cases whose name contains this")
	flag.StringVar(&o.profile, "profile", "", "file for a CPU profile of the measured process")
	flag.Parse()
	for _, s := range strings.Split(*records, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1000 {
			return o, fmt.Errorf("-records: %q is not a number of at least 1000", s)
		}
		o.records = append(o.records, n)
	}
	o.databases = strings.Split(*databases, ",")
	return o, nil
}

func run(ctx context.Context, o options) error {
	if o.data == "" {
		dir, err := os.MkdirTemp("", "reeve-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.data = dir
	}
	for _, name := range o.databases {
		var rows []row
		for _, n := range o.records {
			measured, err := measure(ctx, o, name, n)
			if err != nil {
				return fmt.Errorf("%s, %d records: %w", name, n, err)
			}
			rows = append(rows, measured...)
		}
		printTable(os.Stdout, o, name, rows)
	}
	return nil
}

// measure loads a fleet unless it is there, and measures every case over it.
func measure(ctx context.Context, o options, name string, records int) ([]row, error) {
	dir := filepath.Join(o.data, name+"-"+strconv.Itoa(records))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	db, err := databaseFor(name, dir, o.postgres, records)
	if err != nil {
		return nil, err
	}
	f, err := openFleet(ctx, db, dir, records)
	if err != nil {
		return nil, err
	}
	server, err := startServer(ctx, db, o.profile)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	cases, err := makeCases(server, f)
	if err != nil {
		return nil, err
	}
	return measureCases(o, server, f, cases)
}
