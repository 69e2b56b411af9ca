package console

import (
	"regexp"
	"strings"
	"time"

	"reeve/internal/api"
)

// rung is one step of an explanation in plain words.
type rung struct {
	Kind      string // fact, term, rule, exclusion or result
	Label     string // the kind in a word
	Title     string
	Technical string // the API's name, where the title is another
	Value     string
	Link      *resourceLink // in place of Value
	Note      []notePart
	Fact      string // the name that reports give it; "" for what is no reported fact
	Origin    factOrigin
}

// notePart is a part of a note: a text, a moment or a resource.
type notePart struct {
	Text string
	When stamp
	Link *resourceLink
}

var kindWords = map[string]string{"fact": "Fact", "term": "Term", "rule": "Rule", "exclusion": "Exception", "result": "Result"}

// stepWords are titles of steps, by the name that the API gives them.
var stepWords = map[string]string{
	"Association":              "How it came here",
	"AssociatedMachine":        "Machine that counts here",
	"ConsumedLicenses":         "Licences consumed",
	"Cores":                    "Processor cores",
	"Host":                     "Host it runs on",
	"Instance":                 "Each machine counts",
	"LicenseCountingType":      "What is counted",
	"Owner":                    "Left out on purpose; who answers for it",
	"ProductInformationList":   "Rule of automated discovery, by number",
	"ResourceOwnerId":          "Account that it belongs to",
	"ResourceType":             "Kind of resource",
	"Sockets":                  "Physical processors (sockets)",
	"Status":                   "State",
	"Tenancy":                  "Shared or dedicated hardware",
	"ThreadsPerCore":           "Threads per core",
	"VCpus":                    "Virtual processors (vCPU)",
	"allowedTenancy":           "Hardware that the licence allows",
	"honorVcpuOptimization":    "Count the processors that are switched on",
	"images":                   "Images",
	"includedStoppedInstances": "Stopped machines count too",
	"licenseAffinityToHost":    "Days that a licence stays on its host",
	"maximumCores":             "Most cores allowed",
	"maximumSockets":           "Most sockets allowed",
	"maximumVcpus":             "Most virtual processors allowed",
	"minimumCores":             "Fewest cores allowed",
	"minimumSockets":           "Fewest sockets allowed",
	"minimumVcpus":             "Fewest virtual processors allowed",
	"refused":                  "No licence for it",
	"status":                   "A machine in this state",
}

// noteWords are notes of steps and the ends of explanations in plain words; ""
// says what the title says already.
var noteWords = map[string]string{
	"the account of the resource":                                                             "",
	"the basis of the count":                                                                  "",
	"the default number of vCPUs":                                                             "all that a machine of its size has",
	"The resource is not associated with the license configuration.":                          "It is not assigned to this licence: nobody assigned it, no image brought it and no rule found it.",
	"The license configuration did not exist at that time.":                                   "This licence configuration did not exist yet at that time.",
	"It is associated and consumes nothing in this state.":                                    "It is assigned to this licence, and in its state it consumes nothing.",
	"It is associated but has no licence; see ListFailuresForLicenseConfigurationOperations.": "It is assigned to this licence, but there was none for it: all were taken, or a rule forbids it.",
}

func (v *visit) rung(s *api.ExplanationStep) rung {
	name, value := told(s.Name), told(s.Value)
	r := rung{Kind: told(s.Kind), Label: worded(kindWords, told(s.Kind)), Title: worded(stepWords, name), Value: clippedTo(value, longest), Note: v.plainNote(clippedTo(told(s.Note), longest))}
	if r.Kind == "fact" {
		r.Fact = reportedFacts[name]
	}
	if r.Fact != "" || r.Kind != "fact" { // other facts may be accounts
		r.Value = groupedText(r.Value)
	}
	if r.Title != name {
		r.Technical = clipped(name)
	}
	switch name {
	case "LicenseCountingType":
		r.Value = worded(unitWords, value)
	case "ResourceType":
		r.Value = kindName(value)
	case "Association":
		r.Value = worded(originWords, value)
	case "Tenancy", "allowedTenancy":
		r.Value = clippedTo(strings.Join(tenancyWords(value), ", "), longest)
	case "Host", "AssociatedMachine":
		if strings.HasPrefix(value, "arn:") {
			r.Link = linkTo(value)
		}
	}
	return r
}

// longest bounds a text of an answer that a page shows, in characters.
const longest = 300

func clippedTo(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// resourceInNote is the ARN of a machine, host, image or database.
var resourceInNote = regexp.MustCompile(`^arn:[a-z-]+:(ec2|rds|ssm):.*[^…]$`)

// plainNote words a note for people, with its moments in the viewer's zone and
// links to the resources that it names.
func (v *visit) plainNote(note string) (parts []notePart) {
	if plain, ok := noteWords[note]; ok && plain == "" {
		return nil
	} else if ok {
		return []notePart{{Text: plain}}
	}
	text := ""
	for i, word := range strings.Split(note, " ") {
		if i > 0 {
			text += " "
		}
		bare := strings.TrimRight(word, ",.:")
		part := notePart{}
		if t, err := time.Parse(time.RFC3339Nano, bare); err == nil {
			part.When = v.at(t)
		} else if resourceInNote.MatchString(bare) {
			part.Link = linkTo(bare)
		} else {
			text += word
			continue
		}
		parts = append(parts, notePart{Text: text}, part)
		text = word[len(bare):]
	}
	if text != "" {
		parts = append(parts, notePart{Text: text})
	}
	return parts
}

// whyNothing finds, in the steps of a resource that consumes nothing, the one
// that says why best.
func whyNothing(steps []api.ExplanationStep) string {
	for _, wanted := range []string{"refused", "status", "images", "Owner"} {
		for i := range steps {
			s := &steps[i]
			if told(s.Name) != wanted {
				continue
			}
			if wanted == "Owner" {
				return "It is left out of this licence on purpose: see the exception below."
			}
			return clippedTo(told(s.Note), longest)
		}
	}
	for i := range steps {
		if told(steps[i].Kind) == "result" {
			return worded(noteWords, told(steps[i].Note))
		}
	}
	return ""
}
