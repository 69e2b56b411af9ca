package glpi

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// readPart reads one element of REQUEST.
func (m *machine) readPart(d *decoder, start xml.StartElement) error {
	switch start.Name.Local {
	case "CONTENT":
		return d.children(m.readSection())
	case "QUERY":
		var query string
		if err := d.xml.DecodeElement(&query, &start); err != nil {
			return err
		}
		if query = strings.TrimSpace(query); query != "INVENTORY" {
			return fmt.Errorf("the agent's message is of kind %.60q; only INVENTORY describes a machine", query)
		}
		return nil
	}
	return d.xml.Skip()
}

// readSection returns what reads the sections of CONTENT, in any order. Those
// that describe the machine as a whole must not be there twice.
func (m *machine) readSection() func(*decoder, xml.StartElement) error {
	seen := map[string]bool{}
	return func(d *decoder, start xml.StartElement) error {
		section := start.Name.Local
		switch section {
		case "HARDWARE", "OPERATINGSYSTEM", "BIOS":
			if seen[section] {
				return fmt.Errorf("the inventory has %s twice, so it is of more than one machine", section)
			}
			seen[section] = true
		}
		if read, wanted := sections[section]; wanted {
			return read(m, d, start)
		}
		return d.xml.Skip()
	}
}

// sections are the parts of CONTENT that are read; all others are passed over.
var sections = map[string]func(*machine, *decoder, xml.StartElement) error{
	"HARDWARE": func(m *machine, d *decoder, start xml.StartElement) error {
		return d.xml.DecodeElement(&m.hardware, &start)
	},
	"OPERATINGSYSTEM": func(m *machine, d *decoder, start xml.StartElement) error {
		return d.xml.DecodeElement(&m.system, &start)
	},
	"BIOS":      (*machine).readBIOS,
	"CPUS":      (*machine).readCPU,
	"ENVS":      (*machine).readVariable,
	"SOFTWARES": (*machine).readSoftware,
}

func (m *machine) readBIOS(d *decoder, start xml.StartElement) error {
	var bios struct {
		Serial string `xml:"SSN"`
	}
	err := d.xml.DecodeElement(&bios, &start)
	m.serial = bios.Serial
	return err
}

func (m *machine) readCPU(d *decoder, start xml.StartElement) error {
	if len(m.cpus) == maxCPUs {
		return fmt.Errorf("the inventory has more than %d CPUs", maxCPUs)
	}
	var c cpu
	err := d.xml.DecodeElement(&c, &start)
	m.cpus = append(m.cpus, c)
	return err
}

// readVariable looks for the number of processors that Windows keeps in its
// environment: it tells which meaning THREAD has there.
func (m *machine) readVariable(d *decoder, start xml.StartElement) error {
	var variable struct {
		Key   string `xml:"KEY"`
		Value string `xml:"VAL"`
	}
	if err := d.xml.DecodeElement(&variable, &start); err != nil {
		return err
	}
	if strings.EqualFold(strings.TrimSpace(variable.Key), "NUMBER_OF_PROCESSORS") {
		m.logical, _ = strconv.ParseInt(strings.TrimSpace(variable.Value), 10, 64)
	}
	return nil
}

func (m *machine) readSoftware(d *decoder, start xml.StartElement) error {
	var entry struct {
		Name      string `xml:"NAME"`
		Publisher string `xml:"PUBLISHER"`
		Version   string `xml:"VERSION"`
	}
	if err := d.xml.DecodeElement(&entry, &start); err != nil {
		return err
	}
	p := program{clip(entry.Name), clip(entry.Publisher), clip(entry.Version)}
	if p.name != "" {
		m.software[p] = true
	}
	return nil
}
