//! A member's devices: which are kept, and where a new one begins.

use super::*;

fn named(n: u64) -> Device {
    Device::parse_named(&n.to_string()).expect("a name")
}

#[test]
fn sixteen_named_devices_and_the_default_one() {
    let mut devices = Devices::default();
    let mut connect = |device, now| devices.connect(device, Seq(0), Time::from_unix_ms(now));
    let first = connect(named(0), 0).expect("there is place");
    for n in 1..16 {
        assert!(connect(named(n), n).is_some(), "{n}");
    }
    assert_eq!(connect(named(16), 16), None);
    let third = connect(named(3), 17).expect("known ones connect as often as they like");
    assert!(connect(Device::Default, 18).is_some());
    for index in [third, first, third] {
        devices.go_offline(index);
        devices.release(index);
    }
    let index = devices.connect(named(16), Seq(0), Time::from_unix_ms(20)).expect("two are unused");
    assert_eq!(index.at, first.at, "the longest unused is forgotten first");
}

#[test]
fn devices_that_have_left_keep_no_new_one_out() {
    let mut devices = Devices::default();
    let connect = |devices: &mut Devices, n| {
        devices.connect(named(n), Seq(0), Time::from_unix_ms(n)).expect("there is place")
    };
    let indices: Vec<_> = (0..16).map(|n| connect(&mut devices, n)).collect();
    // All have left, and the first ones may still be acknowledged.
    for index in &indices {
        devices.go_offline(*index);
    }
    for index in &indices[8..] {
        devices.release(*index);
    }
    let new: Vec<_> = (16..25).map(|n| connect(&mut devices, n)).collect();
    let place = |index: &DeviceIndex| index.at;
    let order = indices[8..].iter().chain(&indices[..1]);
    assert!(new.iter().map(place).eq(order.map(place)), "{new:?}");
    // Its acknowledgements no longer count for the device that has the place now.
    let (old, last) = (indices[0], new[8]);
    devices.arrived(old, Seq(7), Time::from_unix_ms(30));
    assert_eq!(devices.delivered(last), Seq(0));
    devices.release(old);
    devices.arrived(last, Seq(9), Time::from_unix_ms(30));
    devices.go_offline(last);
    devices.release(last);
    let mail = Mail::parse(b"ann@x").expect("a mail");
    assert!(devices.places(&mail).any(|place| (place.device, place.seq) == (named(24), Seq(9))));
}

#[test]
fn of_many_recorded_devices_the_last_used_are_restored() {
    let mut devices = Devices::default();
    for n in 0..40 {
        devices.restore(named(n), Seq(n), Time::from_unix_ms(n));
    }
    let kept = |n| devices.index(&named(n)).is_some();
    assert!((0..24).all(|n| !kept(n)) && (24..40).all(kept));
}

#[test]
fn a_new_device_begins_where_the_furthest_is() {
    let mut devices = Devices::default();
    let time = Time::from_unix_ms(1);
    let first = devices.connect(named(1), Seq(7), time).expect("there is place");
    assert_eq!(devices.delivered(first), Seq(7));
    devices.arrived(first, Seq(12), time);
    devices.arrived(first, Seq(9), time);
    let second = devices.connect(named(2), Seq(7), time).expect("there is place");
    assert_eq!(devices.delivered(second), Seq(12));
}
