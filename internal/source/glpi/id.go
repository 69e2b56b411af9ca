package glpi

// InstanceID is the ID of the managed instance that an agent on a machine with
// this hardware UUID is, for sources that see the machine from outside. It is
// the same for both orders of the UUID's bytes. ok is false for a UUID that does
// not tell one machine from another.
func InstanceID(uuid string) (id string, ok bool) {
	plain := plainUUID(uuid)
	return instanceID("uuid", plain), plain != ""
}

// NamedInstanceID is the ID of a machine that no UUID tells from others. The
// first name says what kind the others are of.
func NamedInstanceID(names ...string) string { return instanceID(names...) }
