//! The crate reads the address and the key from the environment, as its documentation has it: nothing but these says that
//! this is no VideoSDK. It ends with 0 where each call decoded to what it has to be, and prints a line for each.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::TryStreamExt;
use serde_json::{json, Value};
use videosdk::{
    decode_token, generate_token, parse_expires_in, verify_token, AccessTokenBuilder, AutoCloseConfigInput,
    AutoCloseType, AutoStartConfig, Client, Error, GenerateTokenParams, Grant, ListParams, Method, MultiComposition,
    RawRequest, Region, Room, RoomCreateParams, RoomListParams, RoomWebhookInput, Session, SessionEndParams,
    SessionListParams, SessionRemoveParticipantParams, SessionStatus, TokenOptions,
};

type Outcome = Result<(), Error>;

const UNKNOWN_ID: &str = "621497578bea0d0404c35c4c";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    match std::env::args().nth(1).as_deref() {
        Some("limited") => limited().await,
        _ => {
            let client = Client::new()?;
            rooms(&client).await?;
            sessions(&client).await?;
            participants(&client).await?;
            errors(&client).await?;
            tokens(&client).await
        }
    }
}

fn done(call: &str) {
    println!("ok {call}");
}

/* ---- rooms ---- */

async fn rooms(client: &Client) -> Outcome {
    let webhook = RoomWebhookInput {
        url: "https://example.org/hook".into(),
        events: vec!["session-*".into(), "participant-joined".into()],
    };
    let made = client
        .rooms()
        .create(RoomCreateParams {
            custom_room_id: Some("made by the crate".into()),
            geo_fence: Some(Region::EU001),
            webhook: Some(webhook),
            auto_close_config: Some(AutoCloseConfigInput {
                after_inactive_seconds: Some(3600),
                kind: Some(AutoCloseType::SESSION_END_AND_DEACTIVATE),
            }),
            auto_start_config: Some(AutoStartConfig::default()),
            multi_composition: Some(MultiComposition { recording: Some(true), ..Default::default() }),
            allowed_participant_ids: Some(vec!["anna".into(), "ben".into()]),
        })
        .await?;
    assert_eq!(made.room_id.len(), 14);
    assert_eq!(made.custom_room_id.as_deref(), Some("made by the crate"));
    assert!(!made.disabled);
    assert_eq!(made.webhook.as_ref().unwrap().end_point, "https://example.org/hook");
    assert_eq!(made.webhook.as_ref().unwrap().events, ["session-*", "participant-joined"]);
    let close = made.auto_close_config.as_ref().unwrap();
    assert_eq!(close.kind, Some(AutoCloseType::SESSION_END_AND_DEACTIVATE));
    assert_eq!(close.duration, Some(3600));
    assert_eq!(made.allowed_participant_ids, ["anna", "ben"]);
    assert!(made.links["get_room"].ends_with(&made.room_id));
    assert!(made.created_at.is_some() && made.updated_at.is_some());
    let again = RoomCreateParams { custom_room_id: Some("made by the crate".into()), ..Default::default() };
    assert_eq!(client.rooms().create(again).await?.room_id, made.room_id);
    let plain = make_room(client, None).await?;
    assert!(plain.custom_room_id.is_none() && plain.auto_close_config.is_none() && plain.webhook.is_none());
    done("rooms.create");

    for id in [&made.room_id, &made.id, "made by the crate"] {
        assert_eq!(client.rooms().get(id).await?.id, made.id);
    }
    done("rooms.get");

    let page = client.rooms().list(RoomListParams { per_page: Some(1), ..Default::default() }).await?;
    assert_eq!((page.data.len(), page.has_next_page()), (1, true));
    assert!(page.next_page().await?.unwrap().data[0].id != page.data[0].id);
    let total = page.total() as usize;
    assert_eq!(page.into_stream().try_collect::<Vec<_>>().await?.len(), total);
    let params = RoomListParams { query: Some("made by the crate".into()), ..Default::default() };
    assert_eq!(client.rooms().list(params).await?.data[0].room_id, made.room_id);
    done("rooms.list");
    let params = RoomListParams { per_page: Some(1), ..Default::default() };
    let all: HashSet<String> = client.rooms().list_stream(params).map_ok(|room| room.id).try_collect().await?;
    assert_eq!(all.len(), total);
    done("rooms.list_stream");

    let known = client.rooms().validate("made by the crate").await?;
    assert_eq!((known.valid, known.room_id, known.room.map(|room| room.id)), (true, made.room_id.clone(), Some(made.id)));
    let unknown = client.rooms().validate("none-here-atal").await?;
    assert_eq!((unknown.valid, unknown.room.is_none()), (false, true));
    done("rooms.validate");

    let ended = client.rooms().end(&made.room_id).await?;
    assert_eq!((ended.disabled, &ended.room_id), (true, &made.room_id));
    assert_eq!(ended.custom_room_id.as_deref(), Some("made by the crate"));
    assert_eq!(ended.auto_close_config.is_none(), true);
    done("rooms.end");
    Ok(())
}

async fn make_room(client: &Client, custom_room_id: Option<&str>) -> Result<Room, Error> {
    let custom_room_id = custom_room_id.map(str::to_string);
    client.rooms().create(RoomCreateParams { custom_room_id, ..Default::default() }).await
}

/* ---- sessions ---- */

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// Reports facts by the crate's way around its own methods, as a media server would. A time is milliseconds ago.
async fn report(client: &Client, room_id: &str, facts: &[(&str, &str, i64)]) -> Outcome {
    let now = now_ms();
    let events: Vec<Value> = facts
        .iter()
        .map(|(kind, who, ago)| {
            let mut event = json!({
                "id": format!("{room_id} {kind} {who} {ago}"), "type": kind, "at": now - ago,
                "roomId": room_id, "sessionKey": room_id,
            });
            if !who.is_empty() {
                event["participantId"] = json!(who);
                event["name"] = json!(format!("{who} the Great"));
            }
            if *kind == "quality" {
                event.as_object_mut().unwrap().remove("name");
                event["stats"] = json!({"averageAudioRtt": 12.5, "recvAudioPacketLost": 3});
            }
            event
        })
        .collect();
    let answer = client.api().post("/v2/events", RawRequest::new().body(json!({ "events": events }))).await?;
    for result in answer["results"].as_array().unwrap() {
        assert_eq!(result["outcome"], "recorded", "{answer}");
    }
    Ok(())
}

/// The numbers that are VideoSDK's own are whole, as its typed clients decode them.
fn assert_whole(session: &Session) {
    for name in ["activeDuration", "maxJoinedPeersCount"] {
        assert!(session.extra[name].is_u64(), "{name}: {}", session.extra[name]);
    }
    let webhook: videosdk::WebhookDeliverySummary = serde_json::from_value(session.extra["webhook"].clone()).unwrap();
    assert!(webhook.success_count <= webhook.total_count && webhook.data.len() as u32 <= webhook.total_count);
    assert_eq!(session.extra["chatLink"], "");
    for log in ["hlsLog", "recordingLog", "livestreamLog"] {
        assert_eq!(session.extra[log], json!([]));
    }
}

async fn sessions(client: &Client) -> Outcome {
    let room = make_room(client, Some("sessions")).await?;
    // Of 599.493 seconds, which is no integer.
    report(client, &room.room_id, &[
        ("participant-joined", "anna", 600_000),
        ("participant-joined", "ben", 500_000),
        ("participant-joined", "cleo", 400_000),
        ("quality", "anna", 300_000),
        ("participant-left", "anna", 507),
        ("participant-left", "ben", 507),
        ("participant-left", "cleo", 507),
        ("session-ended", "", 500),
    ])
    .await?;
    let second = make_room(client, None).await?;
    let facts = [("participant-joined", "dan", 60_000), ("participant-left", "dan", 50_000), ("session-ended", "", 50_000)];
    report(client, &second.room_id, &facts).await?;

    let of_room = |room_id: &str| SessionListParams { room_id: Some(room_id.into()), ..Default::default() };
    let page = client.sessions().list(of_room(&room.room_id)).await?;
    let session = &page.data[0];
    assert_eq!((page.total(), page.has_next_page()), (1, false));
    assert_eq!((&session.room_id, session.custom_room_id.as_deref()), (&room.room_id, Some("sessions")));
    assert_eq!(session.status, Some(SessionStatus::ENDED));
    assert_eq!(session.extra["activeDuration"], 599);
    assert_eq!(session.participants.len(), 3);
    assert_eq!((session.participants[0].name.as_str(), session.region.as_str()), ("anna the Great", ""));
    assert!(session.links["get_session"].ends_with(&session.id));
    assert_whole(session);
    let start = now_ms() - 700_000;
    for params in [
        SessionListParams { custom_room_id: Some("sessions".into()), ..Default::default() },
        SessionListParams { query: Some("sessions".into()), ..Default::default() },
        SessionListParams { status: Some(SessionStatus::ENDED), ..of_room(&room.room_id) },
        SessionListParams { start_date: Some(start), end_date: Some(now_ms()), ..of_room(&room.room_id) },
        SessionListParams { page: Some(1), per_page: Some(5), ..of_room(&room.room_id) },
    ] {
        let found = client.sessions().list(params.clone()).await?;
        assert_eq!(found.data.iter().map(|one| &one.id).collect::<Vec<_>>(), [&session.id], "{params:?}");
    }
    let ongoing = SessionListParams { status: Some(SessionStatus::ONGOING), ..of_room(&room.room_id) };
    assert_eq!(client.sessions().list(ongoing).await?.data.len(), 0);
    assert_eq!(client.sessions().list(of_room("none-here-atal")).await?.total(), 0);
    done("sessions.list");
    let params = SessionListParams { per_page: Some(1), ..Default::default() };
    let all: Vec<Session> = client.sessions().list_stream(params).try_collect().await?;
    assert_eq!(all.len(), 2);
    done("sessions.list_stream");

    let got = client.sessions().get(&session.id).await?;
    assert_eq!((&got.start, &got.end), (&session.start, &session.end));
    assert_eq!(got.extra["activeDuration"], 599);
    assert_whole(&got);
    done("sessions.get");

    let page = client.sessions().list_participants(&session.id, ListParams { per_page: Some(2), ..Default::default() }).await?;
    assert_eq!((page.total(), page.data.len(), page.has_next_page()), (3, 2, true));
    let all = page.into_stream().try_collect::<Vec<_>>().await?;
    assert_eq!(all.iter().map(|one| one.participant_id.as_str()).collect::<Vec<_>>(), ["anna", "ben", "cleo"]);
    assert!(all[0].timelog[0].start < all[1].timelog[0].start && all[0].timelog[0].end.is_some());
    done("sessions.list_participants");
    let inside = client.sessions().list_active_participants(&session.id, ListParams::default()).await?;
    assert_eq!((inside.total(), inside.data.len()), (0, 0));
    done("sessions.list_active_participants");
    let ben = client.sessions().get_participant(&session.id, "ben").await?;
    assert_eq!((ben.name.as_str(), ben.timelog.len()), ("ben the Great", 1));
    done("sessions.get_participant");
    let stats = client.sessions().get_stats(&session.id).await?;
    assert_eq!(stats["stats"][0]["recvAudioPacketLost"], 3);
    done("sessions.get_stats");
    let stats = client.sessions().get_participant_stats(&session.id, "anna").await?;
    assert_eq!((&stats["stats"][0]["averageAudioRtt"], &stats["participantName"]), (&json!(12.5), &json!("anna the Great")));
    done("sessions.get_participant_stats");
    end_and_remove(client).await
}

async fn end_and_remove(client: &Client) -> Outcome {
    let room = make_room(client, Some("commands")).await?;
    report(client, &room.room_id, &[("participant-joined", "eve", 5000), ("participant-joined", "fay", 4000)]).await?;
    let page = client.participants().list(&room.room_id, ListParams::default()).await?;
    assert_eq!(page.data.len(), 2);
    let removed = client
        .sessions()
        .remove_participant(SessionRemoveParticipantParams {
            participant_id: "eve".into(),
            room_id: Some(room.room_id.clone()),
            session_id: None,
        })
        .await?;
    // The crate hands on the text of an answer that is no text: there the confirmation is.
    let answer: Value = serde_json::from_str(&removed).expect("the session, as JSON");
    assert_eq!(answer["message"], "Participant eve was removed");
    done("sessions.remove_participant");

    let ended = client
        .sessions()
        .end(SessionEndParams { meeting_id: Some(room.room_id.clone()), force: Some(true), ..Default::default() })
        .await?;
    assert_eq!((&ended.room_id, ended.custom_room_id.as_deref()), (&room.room_id, Some("commands")));
    assert_eq!((ended.status.clone(), ended.end.is_some()), (Some(SessionStatus::ENDED), true));
    assert_whole(&ended);
    let again = SessionEndParams { room_id: Some(room.room_id.clone()), ..Default::default() };
    assert!(client.sessions().end(again.clone()).await.unwrap_err().is_conflict());
    let closed = client.sessions().end(SessionEndParams { ignore_closed: Some(true), ..again }).await?;
    assert_eq!(closed.id, ended.id);
    done("sessions.end");
    Ok(())
}

/* ---- participants ---- */

async fn participants(client: &Client) -> Outcome {
    let room = make_room(client, Some("people")).await?;
    assert_eq!(client.participants().list(&room.room_id, ListParams::default()).await?.total(), 0);
    assert!(client.participants().get(&room.room_id, "gil").await.unwrap_err().is_not_found());
    let nobody: Vec<_> = client.participants().list_stream(&room.room_id, ListParams::default()).try_collect().await?;
    assert!(nobody.is_empty());

    let facts = [("participant-joined", "gil", 5000), ("participant-joined", "hal", 4000), ("participant-joined", "ida", 3000)];
    report(client, &room.room_id, &facts).await?;
    let page = client.participants().list(&room.room_id, ListParams { per_page: Some(2), ..Default::default() }).await?;
    assert_eq!((page.total(), page.data.len()), (3, 2));
    let gil = &page.data[0];
    assert_eq!((gil.participant_id.as_str(), gil.timelog[0].end.is_none()), ("gil", true));
    for kind in ["mic", "webcam", "screenShare", "screenShareAudio"] {
        assert_eq!(gil.extra["events"][kind], json!([]), "{kind}");
    }
    assert_eq!(gil.extra["mode"], "SEND_AND_RECV");
    done("participants.list");
    let params = ListParams { per_page: Some(1), ..Default::default() };
    let all: Vec<_> = client.participants().list_stream(&room.room_id, params).try_collect().await?;
    assert_eq!(all.len(), 3);
    done("participants.list_stream");
    assert_eq!(client.participants().get(&room.room_id, "hal").await?.name, "hal the Great");
    done("participants.get");
    let answer: Value = serde_json::from_str(&client.participants().remove(&room.room_id, "hal").await?).unwrap();
    assert_eq!(answer["message"], "Participant hal was removed");
    assert_eq!(client.participants().list(&room.room_id, ListParams::default()).await?.total(), 2);
    done("participants.remove");
    Ok(())
}

/* ---- what it makes of our errors ---- */

async fn errors(client: &Client) -> Outcome {
    let known = make_room(client, Some("a name of ours")).await?;
    let cases = [
        (client.rooms().get("none-here-atal").await.unwrap_err(), 404, "ROOM_NOT_FOUND", "none-here-atal"),
        (client.rooms().end("a name of ours").await.unwrap_err(), 402, "ROOM_ID_NEEDED", known.room_id.as_str()),
        (client.sessions().get(UNKNOWN_ID).await.unwrap_err(), 404, "SESSION_NOT_FOUND", UNKNOWN_ID),
    ];
    for (error, status, code, says) in cases {
        // Whatever is a 402 or a 404 is "not found" to it: the code and the text tell which it is.
        assert!(error.is_not_found(), "{error}");
        assert_eq!((error.status(), error.code()), (Some(status), Some(code)), "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.request_id().is_some(), "{error}");
    }
    // What the server does not do is no room that was not found.
    let error = client.recordings().list(Default::default()).await.unwrap_err();
    assert!(!error.is_not_found(), "{error}");
    assert_eq!((error.status(), error.code()), (Some(405), Some("NOT_SUPPORTED")), "{error}");
    let options = TokenOptions { roles: Some(vec!["rtc".into()]), ..Default::default() };
    let cannot = Client::builder().token_options(options).build()?;
    assert!(cannot.sessions().get(UNKNOWN_ID).await.unwrap_err().is_permission());
    let foreign = Client::builder().secret("another secret").build()?;
    assert!(foreign.rooms().list(Default::default()).await.unwrap_err().is_authentication());
    let zero = SessionListParams { per_page: Some(0), ..Default::default() };
    let error = client.sessions().list(zero).await.unwrap_err();
    assert!(error.is_validation() && error.to_string().contains("perPage=0"), "{error}");
    done("errors");

    let answer = client.request(Method::GET, "/v2/sessions/", RawRequest::new().query("perPage", "1")).await?;
    assert_eq!(answer["pageInfo"]["perPage"], 1);
    let answer = client.api().get("/v2/public/rsa-public-key", RawRequest::new()).await?;
    assert!(answer["publicKey"].as_str().unwrap().contains("BEGIN RSA PUBLIC KEY"));
    done("request");
    Ok(())
}

/// A limit of one request a second: with its retries the crate gets through, because it waits as `Retry-After` says.
async fn limited() -> Outcome {
    let client = Client::builder().max_retries(0).build()?;
    let refused = loop {
        if let Err(error) = client.rooms().list(Default::default()).await {
            break error;
        }
    };
    assert!(refused.is_rate_limit());
    assert_eq!((refused.code(), refused.retry_after()), (Some("TOO_MANY_REQUESTS"), Some(Duration::from_secs(1))));
    let patient = client.with_max_retries(8);
    for _ in 0..3 {
        patient.rooms().list(Default::default()).await?;
    }
    done("retries");
    Ok(())
}

/* ---- tokens ---- */

async fn tokens(client: &Client) -> Outcome {
    let (api_key, secret) = (std::env::var("VIDEOSDK_API_KEY").unwrap(), std::env::var("VIDEOSDK_SECRET").unwrap());
    let room = make_room(client, Some("tokens")).await?;
    let managing = client.generate_token()?;
    let claims = client.verify_token(&managing)?;
    assert_eq!((claims.api_key.as_deref(), claims.roles), (Some(api_key.as_str()), vec!["crawler".to_string()]));
    let with_token = Client::builder().token(&managing).build()?;
    assert_eq!(with_token.rooms().get("tokens").await?.room_id, room.room_id);
    done("client.generate_token, verify_token");

    let bound = client
        .access_token()?
        .set_participant("anna")
        .grant(Grant::AllowJoin)
        .grants([Grant::AllowMod])
        .for_room(&room.room_id)
        .for_api()
        .expires_in(Duration::from_secs(60))
        .set_claim("version", 2)
        .to_jwt()?;
    assert_eq!(decode_token(&bound)?.raw["roomId"], room.room_id.as_str());
    // The key and secret of the environment would make another token: without them the given one is sent.
    let answer = client
        .api()
        .get("/v2/rooms", RawRequest::new().header("authorization", &bound))
        .await?;
    assert_eq!(answer["pageInfo"]["total"], 1, "a token that is bound to a room sees that room alone");
    done("client.access_token, decode_token");

    let joining = AccessTokenBuilder::new(&api_key, &secret).set_participant("anna").to_jwt()?;
    let refused = client.api().get("/v2/rooms", RawRequest::new().header("authorization", &joining)).await;
    assert!(refused.unwrap_err().is_permission(), "a participant's token does not call the API");
    let params = GenerateTokenParams { api_key, secret_key: secret.clone(), expires_in: Some(parse_expires_in("10m")?), ..Default::default() };
    let made = generate_token(&params)?;
    assert_eq!(verify_token(&made, &secret)?.version, Some(2));
    assert!(client.api().get("/v2/rooms", RawRequest::new().header("authorization", &made)).await.is_ok());
    assert!(verify_token(&made, "another secret").is_err());
    done("generate_token, verify_token, parse_expires_in");
    Ok(())
}
