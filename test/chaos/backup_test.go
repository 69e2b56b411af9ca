package chaos_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reeve/internal/store/archive"
	"reeve/internal/store/postgres/pgtest"
)

// masterKey is that of every deployment in this file.
const masterKey = "0707070707070707070707070707070707070707070707070707070707070707"

// keptIn is the environment of servers and commands whose database is of a
// kind: an empty schema of PostgreSQL, or a data directory.
func keptIn(t *testing.T, kind string) (data string, environment []string) {
	t.Helper()
	data = t.TempDir()
	environment = append(rootEnvironment(), "REEVE_MASTER_KEY="+masterKey, "REEVE_DATA="+data)
	if kind == "postgres" {
		environment = append(environment, "REEVE_DATABASE="+pgtest.EmptySchema(t))
	}
	return data, environment
}

// succeed runs a command line that must do what it says.
func succeed(t *testing.T, environment []string, args ...string) (out string) {
	t.Helper()
	code, out := run(t, environment, args...)
	if code != 0 {
		t.Fatalf("reeve %s ends with the exit code %d:\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// TestARestoredDeploymentAnswersAsBefore backs up under load, restores into the
// other kind of database, and asks the same again: every answer for a moment
// before the backup, and every page of a list that was begun, must be the same
// to the byte.
func TestARestoredDeploymentAnswersAsBefore(t *testing.T) {
	for _, kinds := range [][2]string{{"sqlite", "postgres"}, {"postgres", "sqlite"}} {
		t.Run(kinds[0]+" to "+kinds[1], func(t *testing.T) {
			dice := chance(t)
			data, from := keptIn(t, kinds[0])
			s := start(t, data, from...)
			f := newFleet(t, s.newAccount("222222222222"))
			stop := f.churn(t, dice)
			asked := f.askRaw(t, dice)
			file := filepath.Join(t.TempDir(), "reeve.backup")
			out := succeed(t, from, "backup", file)
			f.waitForChanges(t, 20)
			stop()
			f.compareRaw(t, asked)
			s.kill()

			data, to := keptIn(t, kinds[1])
			succeed(t, to, "restore", file)
			s = start(t, data, to...)
			f.account = s.as(f.id, f.key)
			f.compareRaw(t, asked)
			s.checkLedgers()
			if strings.Contains(out, masterKey) || bytes.Contains([]byte(fmt.Sprint(headerOf(t, file))), []byte(masterKey)) {
				t.Error("the backup has the master key")
			}
			must(t, "write to the restored one", f.put(t.Context(), "observe", running(f.machine("0"), 3)))
		})
	}
}

// askRaw notes answers of lists, as they come over the wire, by their requests.
func (f *fleet) askRaw(t *testing.T, dice *rand.Rand) map[string]string {
	t.Helper()
	asked := map[string]string{}
	for range 12 {
		f.waitForChanges(t, 5)
		token := ""
		filters := fmt.Sprintf(`"Filters":[{"Name":"asOf","Values":[%q]}]`, moment(time.Now()))
		for range 3 {
			body := fmt.Sprintf(`{"LicenseConfigurationArn":%q,"MaxResults":%d,%s%s}`, f.arn, 7+dice.IntN(5), filters, token)
			asked[body] = f.raw(t, body)
			_, rest, more := strings.Cut(asked[body], `"NextToken":"`)
			if !more {
				break
			}
			next, _, _ := strings.Cut(rest, `"`)
			token = fmt.Sprintf(`,"NextToken":%q`, next)
		}
	}
	return asked
}

// raw is the body of an answer of 200.
func (f *fleet) raw(t *testing.T, body string) string {
	t.Helper()
	status, text, err := f.send(t.Context(), "AWSLicenseManager.ListUsageForLicenseConfiguration", body)
	if status != 200 || err != nil {
		t.Fatalf("%s: %d %s, %v", body, status, text, err)
	}
	return text
}

func (f *fleet) compareRaw(t *testing.T, asked map[string]string) {
	t.Helper()
	for body, want := range asked {
		if got := f.raw(t, body); got != want {
			t.Fatalf("%s was answered with\n%s\nand is now with\n%s", body, want, got)
		}
	}
}

func headerOf(t *testing.T, file string) archive.Header {
	t.Helper()
	f, err := os.Open(file)
	must(t, "open backup", err)
	defer f.Close()
	r, err := archive.NewReader(f)
	must(t, "read backup", err)
	defer r.Close()
	return r.Header
}

// TestAKilledRestoreLeavesTheOldOrTheNew kills restores at random moments.
func TestAKilledRestoreLeavesTheOldOrTheNew(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			dice := chance(t)
			var files [2]string // backups of two states of one deployment
			var heads [2]string
			data, environment := keptIn(t, kind)
			s := start(t, data, environment...)
			f := newFleet(t, s.root())
			for i := range files {
				files[i] = filepath.Join(t.TempDir(), "reeve.backup")
				must(t, "report", f.put(t.Context(), "observe", running(f.machine("0"), int64(10+i))))
				succeed(t, environment, "backup", files[i])
				heads[i] = headerOf(t, files[i]).Heads
			}
			s.stop()
			begun := time.Now()
			succeed(t, environment, "restore", "--replace", files[0])
			whole := time.Since(begun)
			became := map[string]int{}
			now := 0
			for range shorter(12, 4) {
				next := 1 - now
				cmd := command(environment, "restore", "--replace", files[next])
				must(t, "start a restore", cmd.Start())
				<-time.After(time.Duration(dice.Int64N(int64(whole * 5 / 4)))) // any moment of it
				_ = cmd.Process.Kill()                                         // it may have ended already
				_ = cmd.Wait()
				after := filepath.Join(t.TempDir(), "after.backup")
				succeed(t, environment, "backup", after)
				switch headerOf(t, after).Heads {
				case heads[now]:
					became["old"]++
				case heads[next]:
					became["new"]++
					now = next
				default:
					t.Fatal("the database is neither of the two")
				}
				succeed(t, environment, "restore", "--check", after)
			}
			t.Logf("the killed restores left %v", became)
			s = start(t, data, environment...)
			s.checkLedgers()
		})
	}
}
