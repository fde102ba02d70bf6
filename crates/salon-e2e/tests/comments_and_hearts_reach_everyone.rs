//! What viewers write and the hearts they send, on every other page.

use salon_e2e::person::SOON;
use salon_e2e::scenario;

#[test]
fn comments_and_hearts_reach_everyone() {
    scenario::run("comments_and_hearts_reach_everyone", |scenario| {
        let server = scenario.server()?;
        let studio = scenario.browser()?;
        let host = scenario.person(&studio, &server, "Ada")?;
        let room = host.go_live("Say something")?;
        let writer = scenario.person(&studio, &server, "Bruno")?;
        let viewer = scenario.person(&scenario.browser()?, &server, "Emeka")?;
        writer.open_room(&room)?;
        viewer.open_room(&room)?;
        let everyone = [&host, &writer, &viewer];

        // As text, whatever it looks like.
        let texts = ["good evening 👋", "<img src=x onerror=\"window.hurt = true\">", "ça va ?"];
        for (author, text) in everyone.iter().zip(texts) {
            author.comment(text)?;
        }
        for person in everyone {
            for (author, text) in everyone.iter().zip(texts) {
                let line = person.page().see("comment", text, SOON)?;
                assert!(line.contains(author.name()), "{line:?} does not name {}", author.name());
            }
            assert_eq!(person.page().eval("window.hurt ?? null")?, serde_json::Value::Null);
        }

        for _ in 0..3 {
            viewer.heart()?;
        }
        writer.heart()?;
        for person in everyone {
            let total = "e2e.find('[data-testid=hearts-total]').dataset.total === '4'";
            person.page().wait_for(total, SOON, &format!("{} to see 4 hearts", person.name()))?;
        }

        // Somebody who comes later reads what was said.
        let late = scenario.person(&studio, &server, "Freya")?;
        late.open_room(&room)?;
        for text in texts {
            late.page().see("comment", text, SOON)?;
        }
        late.page().see("hearts-total", "4", SOON)?;
        Ok(())
    });
}
