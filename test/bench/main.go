// Command bench measures how fast Reeve is, and prints what docs/performance.md
// has: lists of usage over HTTP with SigV4 verified, by number of records and
// by shape of history; the write paths; start, memory and size of the program;
// and other servers with AWS's protocol that are on the machine. What it
// compares runs in turns within the same run, so its ratios hold on a machine
// where times do not.
//
// Every part is a file: fleet.go makes what is measured; lists.go, shapes.go,
// writes.go, starts.go, overload.go and peers.go measure; report.go, tables.go, goals.go
// and plot.go say what came of it. Run it with --help.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"
)

const help = `usage: go run ./test/bench [flags]

Measures Reeve on this machine and prints tables; make bench runs it. It makes
its own fleets of usage records, starts what it measures as other processes, and
listens on the loopback interface only.

  go run ./test/bench                       what make bench does: some 15 minutes on two cores
  go run ./test/bench -full -data DIR       also 10,000,000 records, and PostgreSQL with 1,000,000;
                                            DIR keeps the fleets (some 30 GB) for the next run
  go run ./test/bench -quick                a look at everything in two minutes; no figures to quote
  go run ./test/bench -parts lists -records 100000 -only 'random pages' -profile DIR
                                            where the time of random pages goes
  go run ./test/bench -full -data DIR -docs docs/performance.md -plot docs/performance.svg
                                            renews the figures of the documentation

PostgreSQL is a throw-away server that syncs its log, made with the initdb that is
found, or the one that -postgres names. Fleets are kept there only with -postgres.

flags:
`

// parts are what can be measured, in the order of the report.
var parts = []string{"lists", "shapes", "writes", "start", "overload", "peers"}

// options are the command's flags.
type options struct {
	parts     []string
	databases []string
	records   map[string][]int // by database
	divide    int              // the shapes' machines, for a quick look
	data      string
	postgres  string // URL of a PostgreSQL server; "" starts one
	rounds    int
	slice     time.Duration
	clients   int
	only      string
	binary    string // the program to start; "" builds it
	settings  string // flags of reeve serve
	trail     bool   // calls are recorded
	profile   string
	json      string
	plot      string
	markdown  bool
	docs      string
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	if len(os.Args) == 5 && os.Args[1] == "serve" {
		if err := serve(database(os.Args[2]), os.Args[3], os.Args[4] == "true"); err != nil {
			log.Fatal(err)
		}
		return
	}
	o, err := readOptions(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		log.Fatal(err)
	}
}

func readOptions(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.Usage = func() {
		fmt.Fprint(f.Output(), help)
		f.PrintDefaults()
	}
	measured := f.String("parts", strings.Join(parts, ","), "what to measure")
	databases := f.String("databases", "sqlite,postgres", "databases to measure")
	records := f.String("records", "", "sizes of the fleets of the lists (default 1000,100000,1000000; PostgreSQL 1000,100000)")
	full := f.Bool("full", false, "add 10000000 records, and 1000000 on PostgreSQL")
	quick := f.Bool("quick", false, "small fleets and short rounds")
	f.StringVar(&o.data, "data", "", "directory that keeps the fleets (default: a temporary one)")
	f.StringVar(&o.postgres, "postgres", "", "URL of the PostgreSQL server to use (default: start one)")
	f.BoolVar(&o.trail, "trail", true, "record the calls of lists and writes in the audit trail, as reeve serve does")
	f.IntVar(&o.rounds, "rounds", 5, "rounds; figures are medians of them")
	f.DurationVar(&o.slice, "slice", 200*time.Millisecond, "how long a list is asked for in a round; writes take five times that")
	f.IntVar(&o.clients, "clients", 16, "connections that ask for lists at once")
	f.StringVar(&o.only, "only", "", "measure only the lists whose case contains this")
	f.StringVar(&o.binary, "binary", "", "reeve program for the part start (default: build it)")
	f.StringVar(&o.settings, "settings", "", "flags of reeve serve for the part start, such as '--memory 256MiB'")
	f.StringVar(&o.profile, "profile", "", "directory for CPU profiles of the measured processes; where their time goes is printed")
	f.StringVar(&o.json, "json", "", "file for all figures as JSON")
	f.StringVar(&o.plot, "plot", "", "file for the plot of latency against records, SVG")
	f.BoolVar(&o.markdown, "markdown", false, "print the tables in Markdown")
	f.StringVar(&o.docs, "docs", "", "page of documentation whose figures to replace")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag: see --help", f.Arg(0))
	}
	o.parts, o.databases = strings.Split(*measured, ","), strings.Split(*databases, ",")
	return o, o.sizes(*records, *full, *quick)
}

// sizes checks what to measure and chooses how large.
func (o *options) sizes(records string, full, quick bool) error {
	for _, part := range o.parts {
		if !slices.Contains(parts, part) {
			return fmt.Errorf("-parts: %q is none of %s", part, strings.Join(parts, ", "))
		}
	}
	for _, kind := range o.databases {
		if kind != "sqlite" && kind != "postgres" {
			return fmt.Errorf("-databases: %q is neither sqlite nor postgres", kind)
		}
	}
	o.divide = 1
	o.records = map[string][]int{"sqlite": {1e3, 1e5, 1e6}, "postgres": {1e3, 1e5}}
	switch {
	case full && quick:
		return errors.New("-full and -quick: choose one")
	case full:
		o.records = map[string][]int{"sqlite": {1e3, 1e4, 1e5, 1e6, 1e7}, "postgres": {1e3, 1e4, 1e5, 1e6}}
	case quick:
		o.records = map[string][]int{"sqlite": {1e3, 1e4}, "postgres": {1e3, 1e4}}
		o.divide, o.rounds, o.slice = 20, min(o.rounds, 3), min(o.slice, 40*time.Millisecond)
	}
	if records == "" {
		return nil
	}
	var sizes []int
	for _, text := range strings.Split(records, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1000 {
			return fmt.Errorf("-records: %q is not a number of at least 1000", text)
		}
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	o.records = map[string][]int{"sqlite": sizes, "postgres": sizes}
	return nil
}
