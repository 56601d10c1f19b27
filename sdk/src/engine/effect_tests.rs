use undertone_wire::frame::Body;

use super::super::input::Input;
use super::*;

#[test]
fn a_frame_shows_nothing_but_its_number() {
    let send = wire::Send {
        envelope: vec![0xAB; 8].into(),
        right: Some(wire::Right {
            right: Some(wire::right::Right::Bearer(vec![0xCD; 16].into())),
        }),
        ..wire::Send::default()
    };
    let frame = wire::Frame {
        request_id: 7,
        body: Some(Body::Send(send)),
    };
    let lane = Lane::Own;
    let effect = Effect::Request {
        lane: lane.clone(),
        frame: frame.clone(),
    };
    assert_eq!(format!("{effect:?}"), "Request(Own, 7)");
    let input = Input::Frame { lane, frame };
    assert_eq!(format!("{input:?}"), "Frame(Own, 7)");
}
