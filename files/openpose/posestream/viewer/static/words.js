// The page's words, in English and Japanese. {name} stands for a value.

export const WORDS = {
  en: {
    title: "posestream",
    // the top
    live: "live", waiting: "waiting", offline: "offline", paused: "paused", slow: "slow",
    camera: "Camera",
    views: "View",
    wall: "Wall", one: "One", side: "Side by side", figures: "Figures",
    wallLong: "All cameras", oneLong: "One camera", sideLong: "People and camera side by side",
    figuresLong: "Figures over time",
    layers: "Layers", settings: "Settings", help: "Keys and help", close: "Close",
    picture: "Picture", pictureRaw: "Skeletons drawn here, over the camera's picture",
    pictureAnnotated: "As the worker drew it",
    skeletons: "Skeletons", numbers: "Numbers of people", confidence: "Confidence",
    colours: "Colours", coloursParts: "by part, as OpenPose", coloursPeople: "by person",
    noKeypoints: "This viewer reads no keypoints: skeletons are shown as the worker drew them.",
    onAnnotated: "The worker's picture has its skeletons in it.",
    lang: "Language", langAuto: "As the browser", theme: "Appearance", themeAuto: "As the device",
    themeLight: "Light", themeDark: "Dark", logout: "Log out",
    // figures
    people: "People", age: "Frame age", in: "Frames in", out: "Frames out", lag: "Behind",
    perSecond: "per second", frames: "frames", lastMinutes: "The last 5 minutes",
    cameras: "Cameras", overTime: "Over time", span: "Span", measured: "Time", nothing: "No data in this span",
    minutes15: "15 minutes", minutes60: "1 hour", minutes360: "6 hours", minutes1440: "1 day", minutes10080: "1 week",
    noFigures: "The figures cannot be read: {why}",
    noPrometheus: "What was earlier than this is kept by Prometheus, which this viewer does not have (role monitoring).",
    // a picture
    panePeople: "People", paneAnnotated: "Annotated", paneCamera: "Camera",
    sameMoment: "the same moment", newest: "newest",
    peopleCount: "{count} people", peopleCount1: "1 person", future: "in the future",
    tile: "{camera}: {state}", stateQuiet: "no new frames", stateNoResults: "no results", stateSlow: "{percent} % skipped",
    stateNone: "no frames yet",
    openOne: "show alone", openWall: "back to all cameras",
    // the player
    player: "Player", back: "One frame back", forth: "One frame forth", pause: "Pause", play: "Back to live",
    moment: "Moment shown", ago: "{seconds} s ago", now: "live",
    snapshot: "Save the picture", clip: "Save the last seconds as a clip", record: "Record", stop: "Stop and save",
    fullscreen: "Full screen", recording: "Recording, {seconds} s", clipping: "Saving the clip, {seconds} s to go",
    saved: "Saved: {name}", noRecorder: "This browser cannot record (it has no MediaRecorder). Chromium and Firefox can.",
    nothingToSave: "There is no picture to save yet.", noFullscreen: "This browser has no full screen for pages.",
    // what is wrong, and what to do
    connecting: "Connecting…",
    away: "No connection to the viewer",
    awayHelp: "It is tried again by itself. Does the viewer run, and is this device on its network?",
    inSeconds: "– again in {seconds} s", forSeconds: "for {time}",
    full: "Too many browsers are watching",
    fullHelp: "Close one that nobody looks at. It is tried again by itself.",
    login: "Your session is over", loginHelp: "Log in again to go on.", loginLink: "Log in",
    broker: "The broker does not answer",
    brokerHelp: "Does Kafka run, and can this viewer reach it? On its host: docker compose ps, in the folder kafka.",
    brokerConnecting: "Connecting to the broker…",
    noCamera: "No camera sends frames",
    noCameraHelp: "Start one (group camera), or send pictures to the camera's topic. They appear here by themselves.",
    stopped: "No new frames from {camera}",
    stoppedHelp: "Is the camera on and connected? On its host: docker compose logs, in the folder camera.",
    stoppedAll: "No new frames from any camera",
    firstResult: "Waiting for the first result",
    firstResultHelp: "A worker needs up to a minute to start.",
    down: "No results from the worker",
    downHelp: "Does it run? On its host: docker compose ps and logs, in the folder openpose.",
    tooSlow: "The worker is too slow: it skips {percent} % of the frames",
    late: "The worker is too slow: results come {time} late",
    slowHelp: "A second worker, or a smaller net (openpose_net_resolution), would help.",
    old: "Frames of {camera} are {time} old when they come",
    oldHelp: "Is the camera's clock right, and its line fast enough?",
    ahead: "The clock of {camera} is ahead",
    aheadHelp: "Set the clocks of all hosts by NTP.",
    // keys
    keys: "Keys",
    keySpace: "pause, and back to live", keyArrows: "one frame back or forth", keyShiftArrows: "one second back or forth",
    keyWall: "all cameras", keyDigits: "a camera by its place in the list", keyOne: "one camera", keySide: "side by side",
    keyFigures: "figures over time", keyEscape: "back to all cameras; leave full screen",
    keyFull: "full screen", keySave: "save the picture", keyClip: "save the last seconds as a clip",
    keyRecord: "record; stop and save", keySkeletons: "skeletons on and off", keyAnnotated: "the worker's picture, or drawn here",
    keyPeople: "colours by person or by part", keyNumbers: "numbers of people", keyConfidence: "confidence",
    keyTheme: "light or dark", keyHelp: "this help",
    // Prometheus' panels: their titles come from the server in English
    row_streams: "Streams", row_workers: "Workers", row_broker: "Broker", row_hosts: "Hosts", row_gpus: "GPUs",
    bookmark: "What is shown stands in the address: bookmark it to come back to it.",
  },
  ja: {
    title: "posestream",
    live: "ライブ", waiting: "待機中", offline: "未接続", paused: "一時停止", slow: "遅れ",
    camera: "カメラ",
    views: "表示",
    wall: "一覧", one: "単独", side: "並べて", figures: "グラフ",
    wallLong: "すべてのカメラ", oneLong: "1台のカメラ", sideLong: "検出結果とカメラ画像を並べて表示",
    figuresLong: "指標の推移",
    layers: "レイヤー", settings: "設定", help: "キー操作とヘルプ", close: "閉じる",
    picture: "画像", pictureRaw: "カメラ画像に骨格を重ねて描く", pictureAnnotated: "ワーカーが描いた画像",
    skeletons: "骨格", numbers: "人物の番号", confidence: "信頼度",
    colours: "色", coloursParts: "部位別（OpenPoseと同じ）", coloursPeople: "人物別",
    noKeypoints: "このビューアーはキーポイントを受信していないため、ワーカーが描いた骨格を表示します。",
    onAnnotated: "ワーカーの画像には骨格が描き込まれています。",
    lang: "言語", langAuto: "ブラウザーに合わせる", theme: "外観", themeAuto: "端末に合わせる",
    themeLight: "ライト", themeDark: "ダーク", logout: "ログアウト",
    people: "人数", age: "画像の遅れ", in: "入力", out: "出力", lag: "未処理",
    perSecond: "枚／秒", frames: "枚", lastMinutes: "直近5分間",
    cameras: "カメラ", overTime: "長期の推移", span: "期間", measured: "時刻", nothing: "この期間のデータはありません",
    minutes15: "15分", minutes60: "1時間", minutes360: "6時間", minutes1440: "1日", minutes10080: "1週間",
    noFigures: "指標を取得できません：{why}",
    noPrometheus: "これより前の値はPrometheusに保存されますが、このビューアーには設定されていません（ロールmonitoring）。",
    panePeople: "検出結果", paneAnnotated: "検出結果", paneCamera: "カメラ",
    sameMoment: "同じ時刻", newest: "最新",
    peopleCount: "{count}人", peopleCount1: "1人", future: "未来の時刻",
    tile: "{camera}：{state}", stateQuiet: "新しい画像なし", stateNoResults: "検出結果なし", stateSlow: "{percent}％を省略",
    stateNone: "画像はまだありません",
    openOne: "このカメラだけを表示", openWall: "すべてのカメラに戻る",
    player: "再生", back: "1コマ戻る", forth: "1コマ進む", pause: "一時停止", play: "ライブに戻る",
    moment: "表示中の時点", ago: "{seconds}秒前", now: "ライブ",
    snapshot: "画像を保存", clip: "直近の数秒を動画で保存", record: "録画", stop: "録画を止めて保存",
    fullscreen: "全画面表示", recording: "録画中 {seconds}秒", clipping: "動画を保存中（残り{seconds}秒）",
    saved: "保存しました：{name}", noRecorder: "このブラウザーには録画機能（MediaRecorder）がありません。ChromiumかFirefoxをお使いください。",
    nothingToSave: "保存できる画像がまだありません。", noFullscreen: "このブラウザーではページを全画面にできません。",
    connecting: "接続しています…",
    away: "ビューアーに接続できません",
    awayHelp: "自動で再接続します。ビューアーが動作しているか、この端末が同じネットワークにあるかを確認してください。",
    inSeconds: "（{seconds}秒後に再接続）", forSeconds: "（{time}前から）",
    full: "閲覧中のブラウザーが多すぎます",
    fullHelp: "使っていない画面を閉じてください。自動で再接続します。",
    login: "セッションの有効期限が切れました", loginHelp: "続けるには、もう一度ログインしてください。", loginLink: "ログイン",
    broker: "ブローカーが応答しません",
    brokerHelp: "Kafkaが動作していて、ビューアーから届くかを確認してください（ホストのkafkaフォルダーで docker compose ps）。",
    brokerConnecting: "ブローカーに接続しています…",
    noCamera: "画像を送っているカメラがありません",
    noCameraHelp: "カメラ（グループcamera）を起動するか、カメラのトピックに画像を送ってください。届くと自動で表示されます。",
    stopped: "{camera}から新しい画像が届きません",
    stoppedHelp: "カメラの電源と接続を確認してください（ホストのcameraフォルダーで docker compose logs）。",
    stoppedAll: "どのカメラからも新しい画像が届きません",
    firstResult: "最初の検出結果を待っています",
    firstResultHelp: "ワーカーの起動には1分ほどかかることがあります。",
    down: "ワーカーから検出結果が届きません",
    downHelp: "ワーカーが動作しているかを確認してください（ホストのopenposeフォルダーで docker compose ps と logs）。",
    tooSlow: "ワーカーの処理が追いつかず、画像の{percent}％を省略しています",
    late: "ワーカーの処理が追いつかず、検出結果が{time}遅れています",
    slowHelp: "ワーカーを増やすか、ネットワークの入力を小さく（openpose_net_resolution）してください。",
    old: "{camera}の画像が{time}遅れて届いています",
    oldHelp: "カメラの時計と回線の速度を確認してください。",
    ahead: "{camera}の時計が進んでいます",
    aheadHelp: "すべてのホストの時計をNTPで合わせてください。",
    keys: "キー操作",
    keySpace: "一時停止／ライブに戻る", keyArrows: "1コマ戻る／進む", keyShiftArrows: "1秒戻る／進む",
    keyWall: "すべてのカメラ", keyDigits: "その番号のカメラ", keyOne: "1台のカメラ", keySide: "並べて表示",
    keyFigures: "指標の推移", keyEscape: "すべてのカメラに戻る／全画面を終える",
    keyFull: "全画面表示", keySave: "画像を保存", keyClip: "直近の数秒を動画で保存",
    keyRecord: "録画／止めて保存", keySkeletons: "骨格の表示／非表示", keyAnnotated: "ワーカーの画像／重ね描きの切り替え",
    keyPeople: "色を人物別／部位別に", keyNumbers: "人物の番号", keyConfidence: "信頼度",
    keyTheme: "ライト／ダーク", keyHelp: "このヘルプ",
    row_streams: "ストリーム", row_workers: "ワーカー", row_broker: "ブローカー", row_hosts: "ホスト", row_gpus: "GPU",
    panel_sent: "カメラが送った画像", panel_dropped: "カメラが捨てた画像", panel_results: "検出結果",
    panel_skipped: "ワーカーが省略した画像", panel_age: "カメラから検出結果までの時間", panel_people: "1枚あたりの人数",
    panel_lag: "ワーカー待ちのメッセージ", panel_browsers: "閲覧中のブラウザー", panel_worker_results: "ワーカー別の検出結果",
    panel_reasons: "画像を省略した理由", panel_stages: "処理段階ごとの1枚あたりの時間", panel_worker_memory: "ワーカーのメモリー使用量",
    panel_messages: "受信メッセージ", panel_bytes_in: "受信データ量", panel_bytes_out: "送信データ量", panel_log_size: "トピックのサイズ",
    panel_requests: "リクエストの所要時間（99パーセンタイル）", panel_under_replicated: "レプリカが不足しているパーティション",
    panel_zookeeper: "ZooKeeperの応答時間", panel_processors: "CPU使用率", panel_memory: "メモリー使用率", panel_disk: "ディスクの空き容量",
    panel_network: "ネットワーク受信量", panel_targets: "Prometheusに応答している監視対象", panel_gpu: "GPU使用率", panel_gpu_memory: "GPUメモリー使用量",
    bookmark: "表示の内容はアドレスに反映されます。ブックマークすれば、同じ表示に戻れます。",
  },
};

let table = WORDS.en;

// Chooses the language: "en", "ja", or "" for the browser's; says which it is.
export function speak(language) {
  const known = language || (navigator.languages?.find((tag) => /^(en|ja)\b/i.test(tag)) ?? "en").slice(0, 2).toLowerCase();
  table = WORDS[known];
  document.documentElement.lang = known;
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  for (const element of document.querySelectorAll("[data-label]")) {
    element.title = say(element.dataset.label);
    element.setAttribute("aria-label", say(element.dataset.label));
  }
  return known;
}

// Those who listen hear of changes: what stays the same is not written anew.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export const knows = (key) => key in table;

export const say = (key, values = {}) => (table[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name]);

export const count = (people) => say(people === 1 ? "peopleCount1" : "peopleCount", { count: people });

const minutes = { en: "min", ja: "分" };
const seconds = { en: "s", ja: "秒" };

// A number of seconds: "120 ms", "1.5 s", "3 min"; "–" for none.
export function time(value) {
  const language = document.documentElement.lang;
  if (value === null || value === undefined) return "–";
  if (value < -1) return say("future"); // the camera's clock is ahead of the server's
  if (value < 0.995) return `${Math.max(0, Math.round(value * 100) * 10)} ms`;
  return value < 99.95 ? `${value.toFixed(1)} ${seconds[language]}` : `${Math.round(value / 60)} ${minutes[language]}`;
}

export const lengthOf = (value) =>
  value < 100
    ? `${Math.floor(value)} ${seconds[document.documentElement.lang]}`
    : `${Math.round(value / 60)} ${minutes[document.documentElement.lang]}`;
